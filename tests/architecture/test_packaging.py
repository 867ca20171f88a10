"""What a clean machine installs is pinned in full, and `make check` is honest about what it could not check."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tools import check

PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^ ;]+)(?: ; .*?)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
TARGETS = (
    "setup hooks demo serve test quick check measure bench move payments blocks repeat crash overload ha gates"
    " gates-night gates-controls lite-conformance walk docs".split()
)


def pins(kind: str) -> dict[str, str]:
    """Name → version of one requirements file; any line that is neither a pin nor a hash fails."""
    found: dict[str, str] = {}
    previous = ""
    for line in (ROOT / "requirements" / f"{kind}.txt").read_text().splitlines():
        if pin := PIN.match(line):
            assert not previous.endswith("\\"), f"{previous} has no hash"
            found[pin[1]] = pin[2]
        else:
            assert HASH.match(line), f"neither a pin nor a hash: {line}"
        previous = line
    assert found
    return found


def project() -> dict[str, list[str]]:
    """The names each part of pyproject.toml asks for."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "runtime": [*told["project"]["dependencies"], *told["build-system"]["requires"]],
        "dev": [entry for entry in told["dependency-groups"]["dev"] if isinstance(entry, str)],
    }
    return {kind: [re.split(r"[\[<>=;~! ]", entry)[0] for entry in entries] for kind, entries in wanted.items()}


def test_every_requirement_is_pinned() -> None:
    runtime, dev = pins("runtime"), pins("dev")
    assert set(project()["runtime"]) <= set(runtime)
    assert set(project()["dev"]) <= set(dev)


def test_development_has_the_runtime_at_the_same_versions() -> None:
    assert pins("runtime").items() <= pins("dev").items()


def test_make_alone_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[1] for line in shown.splitlines()] == ["help", *TARGETS]


@pytest.mark.parametrize(("in_ci", "fails"), [(False, False), (True, True)])
def test_missing_postgres_15_is_said_and_fails_only_in_ci(
    monkeypatch: pytest.MonkeyPatch, in_ci: bool, fails: bool
) -> None:
    monkeypatch.delenv("OPENVEST_POSTGRES15_BIN", raising=False)
    monkeypatch.setattr(check, "POSTGRES15_FOLDERS", ())
    monkeypatch.setattr(check, "IN_CI", in_ci)
    step = check.postgres15_step()
    assert "no PostgreSQL 15 here" in step.left_out
    assert step.left_out_fails is fails
    assert check.made(step) is not fails


@pytest.mark.parametrize(("version", "left_out"), [("15.18", ""), ("16.4", "not 15"), (None, "holds no server")])
def test_named_postgres_15_is_asked_for_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, left_out: str
) -> None:
    if version:
        server = tmp_path / "postgres"
        server.write_text(f'#!/bin/sh\necho "postgres (PostgreSQL) {version}"\n')
        server.chmod(0o755)
    monkeypatch.setenv("OPENVEST_POSTGRES15_BIN", str(tmp_path))
    step = check.postgres15_step()
    assert left_out in step.left_out
    assert step.left_out_fails is bool(left_out)
    assert step.environment == ({} if left_out else {"OPENVEST_TEST_POSTGRES_BIN": str(tmp_path)})


@pytest.mark.parametrize(("program", "passes"), [("true", True), ("false", False)])
def test_check_passes_on_the_status_of_its_command(program: str, passes: bool) -> None:
    assert check.made(check.Step("planted", (program,))) is passes
