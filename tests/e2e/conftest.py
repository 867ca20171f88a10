"""One served sandbox for all tests that only need one to be there, and commands run in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from openvest.cli.app import run
from tests.e2e.serving import Cli, Serving, free_port


@pytest.fixture(scope="session")
def served() -> Generator[Serving]:
    """A sandbox that runs, at pace calendar, and may send webhooks to its `hook_port` on this machine."""
    serving = Serving(Path(tempfile.mkdtemp(prefix="openvest-e2e-")) / "var", hook_port=free_port())
    serving.options = ("--allow-webhooks-to", f"127.0.0.1:{serving.hook_port}")
    try:
        serving.start()
        yield serving
    finally:
        serving.remove()


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a command line in this process: status, what it printed, what it complained about."""
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL", "OPENVEST_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(list(arguments))
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def there(cli: Cli, served: Serving) -> Cli:
    """The same on the data directory of the served sandbox."""
    return lambda *arguments: cli(*arguments, "--data-dir", str(served.data_dir))
