"""Records: what a frozen dataclass is, but that nothing guards their fields at run time."""

from __future__ import annotations

from dataclasses import field, fields

import pytest

from openvest.core.records import record, replace


@record
class Thing:
    name: str
    size: int
    parts: tuple[str, ...] = ()
    note: str = field(default="", repr=False)


@record
class Alone:
    name: str


def test_a_record_is_told_by_its_fields() -> None:
    assert {Thing("a", 1), Thing("a", 1)} == {Thing("a", 1)} != {Thing("a", 2)}
    assert [one.name for one in fields(Thing)] == ["name", "size", "parts", "note"]
    assert not hasattr(Thing("a", 1), "__dict__")


def test_what_is_not_changed_stays() -> None:
    before = Thing("a", 1, ("x",), "n")
    assert replace(before, size=2, parts=()) == Thing("a", 2, (), "n")
    assert before == Thing("a", 1, ("x",), "n")
    assert replace(Alone("a"), name="b") == Alone("b")


def test_a_field_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(KeyError, match="colour"):
        replace(Thing("a", 1), colour="red")
