"""The crash run in small, and its control: it must find what a weakened database loses."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.faults.crash.__main__ import main, options

VERDICT = re.compile(r"kills (\d+), acknowledged (\d+), lost (\d+), doubled (\d+), events lost (\d+): \d+, \d+, \d+\n")


def crash(console: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[int], str]:
    """Exit status, the figures of the verdict (kills, acknowledged, lost, doubled, events lost), and all it said."""
    status = asyncio.run(main(options(arguments)))
    said = console.readouterr().out
    found = VERDICT.search(said)
    assert found is not None, said
    return status, [int(figure) for figure in found.groups()], said


def test_nothing_acknowledged_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    status, (kills, acknowledged, lost, doubled, events_lost), said = crash(
        capsys, "--kills", "2", "--acknowledged", "150", "--clients", "8"
    )
    assert (status, lost, doubled, events_lost) == (0, 0, 0, 0), said
    assert kills == 2 and acknowledged >= 150
    assert "ledger prove: clean" in said


def test_losses_are_found_where_commits_do_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    """Control. One kill may come when all happens to be written, three in a row do not."""
    for _ in range(3):
        status, (_, _, lost, _, events_lost), said = crash(
            capsys, "--kills", "1", "--acknowledged", "100", "--clients", "8", "--control"
        )
        if lost:
            break
    assert status == 1 and lost > 0 and events_lost > 0, said
