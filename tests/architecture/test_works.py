"""The work of a sweep has one home in every feature."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from openvest.catalog import WORKS
from openvest.declarations import Outbound, Sweep
from openvest.features.payments.service import move_topups


def strangers(works: Iterable[Sweep | Outbound]) -> list[str]:
    """What works do that stands elsewhere than in a feature's `sweeps.py` or `sweeps_<topic>.py`."""
    return [
        f"{work.name}: {run.__module__}.{run.__qualname__} belongs into sweeps.py"
        for work in works
        for run in ((work.claim, work.work) if isinstance(work, Sweep) else (work.lease, work.call, work.record))
        if not run.__module__.rpartition(".")[2].startswith("sweeps")
    ]


def test_what_sweeps_do_stands_in_sweeps() -> None:
    assert strangers(WORKS) == []


def test_work_in_a_service_is_seen() -> None:
    [match] = [work for work in WORKS if work.name == "bank.book"]
    assert isinstance(match, Sweep)
    strange = "bank.book: openvest.features.payments.service.move_topups belongs into sweeps.py"
    assert strangers([replace(match, claim=move_topups)]) == [strange]  # pyright: ignore[reportArgumentType] - not run
