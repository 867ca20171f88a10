"""How a process shares the time it has to end in."""

from __future__ import annotations

import threading

import pytest

from openvest.db import ending as module
from openvest.db.ending import END_SECONDS, Ending


def test_without_a_hurry_every_part_has_its_own_time() -> None:
    assert Ending().left(0.4, 12) == 12


def test_in_a_hurry_all_parts_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    ending = Ending(10)
    ending.set()
    assert (ending.left(0.4, 12), ending.left(1, 12), ending.left(1, 3)) == (4.0, 10.0, 3)
    now[0] += 6
    ending.set()  # the second time changes nothing
    assert (ending.left(0.4, 12), ending.left(0.75, 12)) == (0.0, 1.5)


def test_what_hangs_is_cut_off() -> None:
    cut = threading.Event()
    Ending(0.01, cut.set).set()
    assert cut.wait(5)


def test_the_whole_time_is_less_than_what_is_promised() -> None:
    assert END_SECONDS < 10
