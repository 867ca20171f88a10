"""`openvest serve` as a user meets it: ready, furnished, alone on its data, whole after the worst."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

import pytest

from openvest.cli.demo_bodies import RESIDENCIES, USER
from openvest.db.address import read_address
from openvest.features.tenants.model import SCOPES
from openvest.sdk.client import Client
from tests.e2e.serving import Cli, Serving, environment, free_port, wait_until, write_profile

WORLD = "IE00B4L5Y983"
PERSON = {name: USER[name] for name in ("first_name", "last_name", "birth_date", "nationalities", "address")}


def own() -> Serving:
    """A data directory that nobody serves yet."""
    return Serving(Path(tempfile.mkdtemp(prefix="openvest-serve-")) / "var")


def shell(line: str) -> str:
    """Run a line as a user would paste it. Returns what it printed."""
    line = line.replace(".venv/bin/openvest", f"{shlex.quote(sys.executable)} -m openvest")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (line, done)
    return done.stdout


def test_the_first_start_furnishes_a_sandbox_and_its_hints_work_as_they_stand() -> None:
    serving = own()
    serving.options = ("--allow-webhooks-to", f"127.0.0.1:{free_port()}")
    try:
        serving.start()
        hints = [line.strip() for line in serving.hints().splitlines() if line.startswith("  ")]
        profile = serving.data_dir / "profile.toml"
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in (profile, *profile.parent.glob("keys/*")))
        customer = tomllib.loads(profile.read_text())["customer"]
        with serving.client() as client:
            assert client.request("GET", f"/accounts/{customer['account_id']}").json()["status"] == "ACTIVE"
            balance = f"/account_groups/{customer['account_group_id']}/payments/cash_balances/EUR"
            assert client.request("GET", balance).json()["available_for_trading"] == "10000.00"
            lines = [line for line in hints if " api " in line or " clock " in line]
            # In one shell, as a user has it: later lines use what earlier ones found out.
            said = shell(f"set -e\n{lines[0]}\necho '###'\n" + "\n".join(lines[1:]))
            placed, _, later = said.partition("###")
            order = json.loads(placed)
            assert order["cash_amount"] == "250.00"
            assert f'"id": "{order["id"]}"' in later, "the second look shows it, whatever its status"
            with_curl = next(line for line in hints if line.startswith("TOKEN=$(curl"))
            assert json.loads(shell(with_curl))["meta"]["total"] == 1
            filled = client.request("GET", f"/orders/{order['id']}").json()
            assert (filled["status"], filled["executions"][0]["status"]) == ("FILLED", "SETTLED")
            assert client.plain("/docs").status == client.plain("/health/ready").status == 200
        assert serving.end(signal.SIGINT) == 0
        assert "Traceback" not in serving.log
    finally:
        serving.remove()


def test_a_second_serve_is_refused_in_one_sentence(there: Cli) -> None:
    status, _, complained = there("serve", "--port", str(free_port()))
    assert status == 1
    assert re.fullmatch(r"openvest: OpenVest already runs on .*\. Stop it first, .*\n", complained)


def test_a_taken_port_is_told_with_the_next_free_one(cli: Cli, served: Serving, tmp_path: Path) -> None:
    folder = tmp_path / "var"
    status, _, complained = cli("serve", "--data-dir", str(folder), "--port", str(served.port))
    assert status == 1
    said = re.fullmatch(r"openvest: Port \d+ on 127\.0\.0\.1 is taken; start with --port (\d+)\.\n", complained)
    assert said is not None and int(said[1]) > served.port
    assert not folder.exists(), "nothing is made before the port is known to be free"


def test_a_running_serve_knows_new_clients_and_forgets_disabled_ones_at_once(served: Serving, there: Cli) -> None:
    _, made, _ = there("client", "create", "--tenant", "sandbox", "--scopes", "users:read", "--json")
    client = json.loads(made)
    profile = write_profile(served.data_dir / "second.toml", served.url, client, "users:read")
    with Client.from_profile(profile) as second:
        assert second.request("GET", "/users").status == 200
        assert second.request("GET", "/accounts").status == 403
        assert there("client", "disable", client["client_id"])[0] == 0
        assert second.request("GET", "/users").status == 401


def test_after_kill_nine_the_next_start_has_everything(served: Serving, there: Cli) -> None:
    customer = tomllib.loads((served.data_dir / "profile.toml").read_text())["customer"]
    body = {
        "account_id": customer["account_id"],
        "user_id": customer["user_id"],
        "side": "BUY",
        "cash_amount": "100.00",
    }
    with served.client() as client:
        order = client.request("POST", "/orders", {**body, "instrument_id": WORLD, "instrument_id_type": "ISIN"}).json()
    served.end(signal.SIGKILL)
    served.start()
    with served.client() as client:
        assert client.request("GET", f"/orders/{order['id']}").json()["cash_amount"] == "100.00"
    assert there("ledger", "prove")[0] == 0


def test_the_advice_about_a_lost_or_damaged_profile_works_as_it_is_printed(served: Serving, there: Cli) -> None:
    profile = served.data_dir / "profile.toml"
    customer = tomllib.loads(profile.read_text())["customer"]
    try:
        profile.write_text(profile.read_text()[:200])
        status, _, complained = there("api", "GET", "/users")
        assert status == 1
        step = complained.partition("next: stop openvest serve if it runs, and start it (again)")[2]
        command = shlex.split(step.partition("openvest serve")[2])
        assert command == ["--data-dir", str(served.data_dir)], complained
    finally:
        served.end()
        served.start()
    assert there("api", "GET", "/users")[0] == 0
    assert tomllib.loads(profile.read_text())["customer"] == customer


def test_another_seed_or_mode_than_the_first_is_refused(
    served: Serving, there: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "made with the seed 1" in there("worker", "--seed", "7")[2]
    monkeypatch.setenv("OPENVEST_MASTER_KEY", (served.data_dir / "master.key").read_text().strip())
    assert "made in mode sandbox; start with --mode sandbox" in there("worker", "--mode", "production")[2]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Production needs a master key of its own"),
        (["--host", "0.0.0.0"], "Production does not listen on 0.0.0.0 in the clear"),
        (["--tls-cert", "none.pem"], "give --tls-cert and --tls-key together"),
        (["--allow-webhooks-to", "127.0.0.1:9000"], "leave --allow-webhooks-to out"),
        (["--pace", "instant"], "leave --pace out"),
    ],
)
def test_production_refuses_before_it_makes_anything(
    cli: Cli, options: list[str], sentence: str, tmp_path: Path
) -> None:
    folder = tmp_path / "var"
    more = ["--mode", "production", "--port", str(free_port()), *options]
    status, _, complained = cli("serve", "--data-dir", str(folder), *more)
    assert status == 1 and sentence in complained, complained
    assert not folder.exists()


def test_several_http_processes_share_the_port_and_die_with_their_parent() -> None:
    serving = own()
    serving.options = ("--workers", "2")
    try:
        serving.start()
        children = [int(pid) for pid in re.findall(r"\d+", children_of(serving))]
        assert len(children) == 2
        told = re.findall(r"http://127\.0\.0\.1:(\d+)/metrics", serving.hints())
        assert sorted(told) == sorted(map(str, listeners(children) - {serving.port}))
        for port in told:
            assert b"# HELP" in urlopen(f"http://127.0.0.1:{port}/metrics").read()
        [port_of_the_dead] = set(told) & {str(port) for port in ports_of(children[0])}
        os.kill(children[0], signal.SIGKILL)
        # On the port it had, unless somebody else took that meanwhile.
        wait_until(lambda: "starting it again, metrics on" in serving.log, 20)
        told[told.index(port_of_the_dead)] = re.findall(r"metrics on (\d+)…", serving.log)[-1]
        wait_until(lambda: all(answers(int(port)) for port in told), 20)
        wait_until(lambda: len(re.findall(r"\d+", children_of(serving))) == 2, 20)
        children = [int(pid) for pid in re.findall(r"\d+", children_of(serving))]
        for _ in range(4):
            with serving.client() as client:
                assert client.request("GET", "/users").status == 200
        serving.end(signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 20)
    finally:
        serving.remove()


def ports_of(pid: int) -> set[int]:
    import psutil

    held = psutil.Process(pid).net_connections("inet")
    return {one.laddr.port for one in held if one.status == psutil.CONN_LISTEN}


def listeners(processes: Sequence[int]) -> set[int]:
    """The ports these processes listen on; each has the one they share and one of its own."""
    ports = [ports_of(pid) for pid in processes]
    shared = set.intersection(*ports)
    assert len(shared) == 1 and all(len(of_one) == 2 for of_one in ports), ports
    return set.union(*ports)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return urlopen(f"http://127.0.0.1:{port}/metrics").status == 200
    return False


def test_a_taken_port_of_the_metrics_is_told_with_the_next_free_one(cli: Cli, served: Serving, tmp_path: Path) -> None:
    folder = tmp_path / "var"
    for workers in ("1", "2"):
        options = ("--port", str(free_port()), "--metrics-port", str(served.port), "--workers", workers)
        status, _, complained = cli("serve", "--data-dir", str(folder), *options)
        assert status == 1
        said = re.fullmatch(
            r"openvest: Port \d+ for the metrics on 127\.0\.0\.1 is taken; start with --metrics-port (\d+)\.\n",
            complained,
        )
        assert said is not None and int(said[1]) > served.port
    assert not folder.exists(), "nothing is made before the ports are known to be free"


def children_of(serving: Serving) -> str:
    """The ids of the server processes below the parent."""
    import psutil

    assert serving.process is not None
    below = psutil.Process(serving.process.pid).children()
    return " ".join(str(child.pid) for child in below if "server" in child.cmdline())


def test_a_server_ends_at_once_and_its_database_is_there_for_those_who_use_it(cli: Cli) -> None:
    """A command founds the database, the processes come while it runs, and each may go before the others."""
    serving = own()
    working = Serving(serving.data_dir)
    try:
        command = subprocess.Popen(
            [sys.executable, "-m", "openvest", "db", "migrate", "--data-dir", str(serving.data_dir)], env=environment()
        )
        wait_until((serving.data_dir / "postgres.json").exists, 20)
        serving.start("server")
        assert command.wait(20) == 0
        working.start("worker")
        with urlopen(f"{serving.url}/health/ready") as answer:
            assert answer.status == 200
        pid = read_address(serving.data_dir / "postgres.json").pid
        assert serving.end() == 0
        serving.start()
        assert cli("client", "list", "--data-dir", str(serving.data_dir))[0] == 0
        assert read_address(serving.data_dir / "postgres.json").pid == pid
        assert serving.end() == 0
        assert working.end() == 0
        assert not (serving.data_dir / "postgres.json").exists()
    finally:
        if working.process is not None:
            working.end(signal.SIGKILL)
        serving.remove()


def test_server_and_worker_run_apart_on_one_database(cli: Cli) -> None:
    serving = own()
    working = Serving(serving.data_dir)
    try:
        serving.start("server")
        working.start("worker")
        there = ("--data-dir", str(serving.data_dir))
        tenant = ("--tenant", "apart", "--pace", "instant", "--licence", "BYOL")
        _, made, _ = cli("client", "create", *tenant, "--json", *there)
        profile = write_profile(serving.data_dir / "apart.toml", serving.url, json.loads(made), " ".join(SCOPES))
        with Client.from_profile(profile) as client:
            user = client.request("POST", "/users", PERSON).json()["id"]
            client.request("POST", f"/users/{user}/tax_residencies", RESIDENCIES)
            wait_until(lambda: client.request("GET", f"/users/{user}").json()["status"] == "ACTIVE")
            group = client.request("POST", "/account_groups", {"user_id": user, "type": "PERSONAL"}).json()["id"]
            body = {"user_id": user, "account_group_id": group, "type": "TRADING"}
            account = client.request("POST", "/accounts", body).json()["id"]
            money = {"account_group_id": group, "cash_amount": "500.00", "currency": "EUR"}
            assert client.request("POST", "/payments/topups", money).status == 200
            order = {"user_id": user, "account_id": account, "side": "BUY", "cash_amount": "100.00"}
            order |= {"instrument_id": WORLD, "instrument_id_type": "ISIN"}
            placed = client.request("POST", "/orders", order)
            assert placed.status == 202, placed
            wait_until(lambda: client.request("GET", f"/orders/{placed.json()['id']}").json()["status"] == "FILLED")
        assert cli("ledger", "prove", *there)[0] == 0
        assert working.end() == 0
        assert serving.end() == 0
    finally:
        if working.process is not None:
            working.end(signal.SIGKILL)
        serving.remove()
