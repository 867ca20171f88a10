"""Tests are dealt to workers without losing one, the costly ones in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.kit.pace import dealt


@dataclass(frozen=True)
class Item:
    nodeid: str
    fixturenames: tuple[str, ...] = ()


CHEAP = [Item(f"tests/unit/test_{file}.py::test_{n}") for file in "abc" for n in range(3)]
COSTLY = [Item(f"tests/e2e/test_d.py::test_{n}") for n in range(2)] + [Item("tests/faults/test_e.py::test_0")]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_every_test_is_dealt_once(workers: int) -> None:
    items: list[Any] = [*CHEAP, *COSTLY]
    assert sorted(item.nodeid for item in dealt(items, workers)) == sorted(item.nodeid for item in items)


def test_costly_ones_come_first_and_to_each_in_turn_and_a_file_stays_together() -> None:
    items: list[Any] = [*CHEAP, *COSTLY]
    names = [item.nodeid.split("/", 1)[1] for item in dealt(items, 2)]
    assert names == [
        "faults/test_e.py::test_0",
        "e2e/test_d.py::test_1",
        *(f"unit/test_b.py::test_{n}" for n in range(3)),
        "e2e/test_d.py::test_0",
        *(f"unit/test_{file}.py::test_{n}" for file in "ac" for n in range(3)),
    ]


def test_all_that_stand_on_the_served_sandbox_are_dealt_to_one() -> None:
    """Each worker that has one of them starts a sandbox, which costs more than most of them."""
    served = [Item(f"tests/e2e/test_{file}.py::test_served", ("served",)) for file in "xyz"]
    items: list[Any] = [*CHEAP, *COSTLY, *served]
    places = [number for number, item in enumerate(dealt(items, 3)) if item in served]
    assert places == list(range(places[0], places[0] + 3))
