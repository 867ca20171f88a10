"""`openvest demo` holds all it claims, quickly, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.e2e.serving import openvest


def test_the_demo_holds_all_it_claims() -> None:
    before = set(Path(tempfile.gettempdir()).glob("openvest-demo-*"))
    done = openvest("demo", seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✘" not in done.stdout and done.stdout.count("✔") > 25
    for claim in (
        "to her own IBAN",
        "the bank has paid them",
        "ledger prove",
        "signature of every package verifies",
        "without a gap",
        "/openapi/v1.json describes",
    ):
        assert claim in done.stdout
    assert set(Path(tempfile.gettempdir()).glob("openvest-demo-*")) == before
