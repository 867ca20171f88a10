"""Every check of the tree, one line each: `python tools/check.py [NAME…]`; exit status 1 when one fails.

A check that cannot be made on this machine says so in its line; under CI=true that is a failure where the check
is one that CI has to make.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SHARED = ROOT.parent / "shared"
IN_CI = os.environ.get("CI") == "true"
POSTGRES15_FOLDERS = (
    "/usr/lib/postgresql/15/bin",
    "/usr/pgsql-15/bin",
    "/opt/homebrew/opt/postgresql@15/bin",
    "/usr/local/opt/postgresql@15/bin",
)
# What is held on the oldest PostgreSQL too: every query prepares, the schema file fits, the walls stand, and a backup
# comes back.
DATABASE_TESTS = (
    *(f"tests/architecture/test_{name}.py" for name in ("queries", "schema", "catalogue")),
    "tests/faults/test_backup.py",
)


@dataclass(frozen=True)
class Step:
    """One check: a command, or the reason why it is not made here and whether that is a failure."""

    name: str
    command: Sequence[str | Path] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])
    left_out: str = ""
    left_out_fails: bool = False
    tells: bool = False
    """What it prints is worth reading when all is well, too."""


def architecture_tests(*paths: str) -> Sequence[str | Path]:
    return (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(paths or ("tests/architecture",)))


def postgres15_step() -> Step:
    """Migrations and every query on the oldest PostgreSQL we promise, if one is installed."""
    name = "postgres-15"
    given = os.environ.get("OPENVEST_POSTGRES15_BIN")
    for folder in (given,) if given else POSTGRES15_FOLDERS:
        server = Path(folder) / "postgres"
        if not server.exists():
            continue
        version = subprocess.run([server, "--version"], capture_output=True, text=True).stdout.strip()
        if " 15" not in version:
            return Step(name, left_out=f"{folder} holds {version or 'no working server'}, not 15", left_out_fails=True)
        return Step(name, architecture_tests(*DATABASE_TESTS), environment={"OPENVEST_TEST_POSTGRES_BIN": folder})
    if given:
        return Step(name, left_out=f"OPENVEST_POSTGRES15_BIN={given} holds no server", left_out_fails=True)
    return Step(name, left_out="no PostgreSQL 15 here; OPENVEST_POSTGRES15_BIN may name one", left_out_fails=IN_CI)


def contract_step() -> Step:
    """The served description against the reference one, where the reference lies beside the repository."""
    name = "contract"
    if not (SHARED / "tools" / "contract_diff.py").exists():
        return Step(name, left_out="no reference description beside the repository")
    return Step(name, (sys.executable, ROOT / "tools" / "check_contract.py", SHARED), tells=True)


def steps() -> list[Step]:
    return [
        Step("ruff", (BIN / "ruff", "check", "--quiet", ".")),
        Step("format", (BIN / "ruff", "format", "--check", "--quiet", ".")),
        Step("layers", (BIN / "lint-imports", "--no-logo")),
        Step("pyright", (BIN / "pyright",)),
        Step("architecture", architecture_tests()),
        Step("distribution", (sys.executable, "-m", "tests.architecture.distribution"), tells=True),
        postgres15_step(),
        contract_step(),
    ]


def made(step: Step) -> bool:
    """Make one check and print its line; what the command printed follows when it failed, or tells something."""
    if step.left_out:
        print(f"{'failed' if step.left_out_fails else 'left out':9}{step.name:14}{step.left_out}", flush=True)
        return not step.left_out_fails
    started = time.monotonic()
    environment = os.environ | {"NO_COLOR": "1", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"} | step.environment
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    word = "ok" if done.returncode == 0 else "failed"
    print(f"{word:9}{step.name:14}{time.monotonic() - started:.1f} s", flush=True)
    if done.returncode != 0 or step.tells:
        print(done.stdout.rstrip(), flush=True)
    return done.returncode == 0


def main(names: Sequence[str]) -> int:
    known = steps()
    if unknown := set(names) - {step.name for step in known}:
        print(f"No check is called {', '.join(sorted(unknown))}; there are {', '.join(step.name for step in known)}.")
        return 2
    results = [made(step) for step in known if not names or step.name in names]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
