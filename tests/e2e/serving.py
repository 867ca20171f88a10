"""An `openvest serve` of its own process, and commands beside it, as a user has them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openvest.core.contracts import Contract
from openvest.db.embedded import remove_database
from openvest.sdk.client import Client

READY_SECONDS = 60
Done = subprocess.CompletedProcess[str]
Cli = Callable[..., tuple[int, str, str]]
"""Runs a command line in this process: status, what it printed, what it complained about."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def openvest(*arguments: str, seconds: float = 60, **variables: str) -> Done:
    """Run a command to its end, with further variables of the environment."""
    command = [sys.executable, "-m", "openvest", *arguments]
    setting = environment() | variables
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, env=setting)


def environment() -> dict[str, str]:
    """The caller's, without what would lead to another database."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "OPENVEST_MASTER"))}


def write_profile(file: Path, url: str, made: dict[str, str], scopes: str) -> Path:
    """The profile of a client as `client create --json` gave it."""
    values = {"url": url, "scopes": scopes, **made}
    file.write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()))
    return file


@dataclass
class Serving:
    """One data directory and the server on it."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    options: Sequence[str] = ()
    hook_port: int = 0
    process: subprocess.Popen[str] | None = None
    said: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data_dir.parent / "serve.log").read_text(errors="replace")

    def start(self, process: str = "serve") -> None:
        """Start it and wait for the ready line."""
        command = [sys.executable, "-m", "openvest", process, "--data-dir", str(self.data_dir)]
        port = [] if process == "worker" else ["--port", str(self.port)]
        with (self.data_dir.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, *port, *self.options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
            )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        expected = "openvest worker ready" if process == "worker" else f"openvest ready {self.url}"
        assert self.said == f"{expected}\n", self.log

    def hints(self) -> str:
        """What it says after the ready line."""
        assert self.process is not None and self.process.stdout is not None
        lines = [self.process.stdout.readline()]
        while lines[-1] not in ("Ctrl-C stops it.\n", ""):
            lines.append(self.process.stdout.readline())
        return "".join(lines)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end. Returns the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return status

    def run(self, *arguments: str, **variables: str) -> Done:
        """A command on the same data directory."""
        return openvest(*arguments, "--data-dir", str(self.data_dir), **variables)

    def client(self, contract: Contract | None = None) -> Client:
        """The first client, or that of a contract, over the SDK."""
        return Client.from_profile(self.data_dir / "profile.toml", contract)

    def remove(self) -> None:
        if self.process is not None:
            self.end()
        remove_database(self.data_dir)
        shutil.rmtree(self.data_dir.parent, ignore_errors=True)


def wait_until(true: object, seconds: float = 10) -> float:
    """Call until it is true. Returns how long it took."""
    begun = time.monotonic()
    assert callable(true)
    while not true():
        assert time.monotonic() - begun < seconds, "it did not become true"
        time.sleep(0.02)
    return time.monotonic() - begun


def set_up(there: Cli) -> None:
    """What an operator says of the tenant acme: who collects, at which bank, and when blocks are sent."""
    creditor = "creditor acme --name Acme --street Ring --city Berlin --postcode 10115 --country"
    bank, cut_off = "bank-code acme --country AT --code", "cut-off acme 15:30 --venue"
    for command, said in (
        (f"{creditor} DE --id DE98ZZZ09999999999", "Acme (DE98ZZZ09999999999) collects direct debits."),
        (f"{bank} 12000 --bic BKAUATWWXXX", "virtual accounts are numbered under 12000 in AT."),
        (f"{cut_off} XETR", "blocks are sent at 15:30, local time of XETR."),
    ):
        assert there("tenants", *command.split())[:2] == (0, f"acme: {said}\n")
    for command, faults in (
        (f"{creditor} XX --id DE97ZZZ09999999999", ("creditor_id: ", "country: ")),
        (f"{bank} 1200 --bic X", ("bank_code: ", "bic: ")),
        (f"{cut_off} XXXX", ("No trading calendar for the venue",)),
    ):
        status, _, beside = there("tenants", *command.split())
        assert status == 1 and all(fault in beside for fault in faults)
