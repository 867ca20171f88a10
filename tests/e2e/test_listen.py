"""`openvest listen`: what happens is shown with its signature, and the subscription ends with the command."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

from openvest.cli.demo_bodies import USER
from openvest.core.contracts import Contract
from tests.e2e.serving import Cli, Serving, environment

PATIENCE_SECONDS = 30


@contextmanager
def listening(served: Serving, *options: str) -> Generator[subprocess.Popen[str]]:
    """The command beside the server, once it says that it listens."""
    where = ("--port", str(served.hook_port), "--data-dir", str(served.data_dir))
    process = subprocess.Popen(
        [sys.executable, "-m", "openvest", "listen", *where, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None and process.stderr is not None
    patience = threading.Timer(PATIENCE_SECONDS, process.kill)
    patience.start()
    try:
        assert process.stderr.readline() == f"listening on http://127.0.0.1:{served.hook_port}/hook\n"
        yield process
    finally:
        patience.cancel()
        process.kill()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    process.send_signal(number)
    assert process.wait(30) == 0


@pytest.mark.parametrize(("contract", "number"), [("v1", signal.SIGINT), ("lite", signal.SIGTERM)])
def test_what_happens_is_shown_until_the_command_ends(
    served: Serving, contract: Contract, number: signal.Signals
) -> None:
    with served.client() as owner, served.client(contract) as client:
        before = client.request("GET", "/webhooks").json()["data"]
        with listening(served, "--contract", contract) as process:
            made = owner.request("POST", "/users", USER).json()
            assert process.stdout is not None
            shown = process.stdout.readline()
            assert shown.split()[1:] == ["USER.CREATED", made["id"], "signature", "holds"], shown
            assert len(client.request("GET", "/webhooks").json()["data"]) == len(before) + 1
            with urlopen(Request(f"http://127.0.0.1:{served.hook_port}/hook", b"{}")) as answer:
                assert answer.status == 200
            assert process.stderr is not None and "no package of events" in process.stderr.readline()
            end(process, number)
        assert client.request("GET", "/webhooks").json()["data"] == before


def test_a_subscription_of_your_own_is_shown_as_json(served: Serving) -> None:
    with served.client() as client:
        body = {"title": "own", "url": f"http://127.0.0.1:{served.hook_port}/hook", "type": ["USER"]}
        hook = client.request("POST", "/webhooks", body).json()["id"]
        client.request("PATCH", f"/webhooks/{hook}", {"enabled": True})
        with listening(served, "--no-subscribe", "--json") as process:
            made = client.request("POST", "/users", USER).json()
            assert process.stdout is not None
            event = json.loads(process.stdout.readline())
            assert (event["webhook_id"], event["object"]["id"]) == (hook, made["id"])
            end(process, signal.SIGTERM)
        assert client.request("DELETE", f"/webhooks/{hook}").status == 204


def test_what_stands_in_its_way_is_told_with_the_way_out(there: Cli, served: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, _, said = there("listen", "--port", port)
        assert status == 1 and f"Port {port} cannot be had" in said and "next: give another --port" in said
    status, _, said = there("listen", "--port", port)
    assert status == 1 and "next: openvest serve --allow-webhooks-to 127.0.0.1:9000" in said
