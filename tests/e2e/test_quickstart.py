"""The quickstart, word for word but for the ports: from a token to the webhook that tells of a filled order."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, environment, wait_until

ROOT = Path(__file__).resolve().parents[2]
SERVE, LISTEN, COMMANDS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "quickstart.md").read_text(), re.DOTALL)
SECONDS = 60
"""From the first command to the webhook."""


def test_it_is_ten_commands_and_the_readme_has_the_same() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(block in readme for block in (SERVE, LISTEN, COMMANDS))
    assert re.findall(r"^# (\d+)\. ", COMMANDS, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert COMMANDS.count("curl -s") == 10
    program, target, variables = shlex.split(SERVE)
    assert [program, target] == ["make", "serve"] and variables == "ARGS=--allow-webhooks-to 127.0.0.1:9000"


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "sed"))), reason="the quickstart needs curl and sed")
def test_it_leads_from_a_token_to_the_webhook_of_a_filled_order(served: Serving, tmp_path: Path) -> None:
    begun = time.monotonic()
    heard = tmp_path / "heard"
    commands = COMMANDS.replace(":8000", f":{served.port}").replace(":9000", f":{served.hook_port}")
    program, *options = shlex.split(LISTEN)
    assert program == ".venv/bin/openvest"
    folder = served.data_dir.parent
    where = ("--port", str(served.hook_port))
    with heard.open("w") as output:
        listener = subprocess.Popen(
            [sys.executable, "-m", "openvest", *options, *where],
            cwd=folder,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
    assert listener.stderr is not None
    try:
        assert "listening on" in listener.stderr.readline()
        done = subprocess.run(
            ["sh", "-eu", "-c", commands],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        *answers, order = [json.loads(line) for line in done.stdout.splitlines()]
        assert order["status"] == "FILLED" and order["cash_amount"] == "250.00"
        assert [one["type"] for one in answers[:2]] == ["KYC", "INSTRUMENT_FIT"]
        assert answers[3]["status"] == "CONFIRMED"
        filled = re.compile(rf"ORDER\.FILLED +{order['id']} +signature holds\n")
        wait_until(lambda: filled.search(heard.read_text()), 20)
        assert time.monotonic() - begun < SECONDS
    finally:
        listener.send_signal(signal.SIGTERM)
        listener.wait(30)
        listener.stderr.close()
        with served.client("lite") as client:
            for hook in client.request("GET", "/webhooks").json()["data"]:
                client.request("DELETE", f"/webhooks/{hook['id']}")
