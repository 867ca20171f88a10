"""Tables of a contract's words have no gap and nothing too much."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from openvest.core.naming import Names

Status = Literal["NEW", "DONE", "GONE", "SECRET"]
Word = Literal["OPEN", "CLOSED", "REFUSED", "FROZEN"]
WHOLE: dict[str, Any] = {
    "domain": Status,
    "contract": Word,
    "words": {"NEW": "OPEN", "DONE": "CLOSED", "GONE": "CLOSED"},
    "untold": {"SECRET": "only operators see it"},
    "decided": {"REFUSED": "GONE by a check"},
    "later": {"FROZEN": "comes with savings plans"},
}


def test_a_whole_table_gives_words_and_what_is_behind_them() -> None:
    names: Names[str, str] = Names(**WHOLE)
    assert (names["NEW"], names.behind("CLOSED"), names.behind("REFUSED")) == ("OPEN", ["DONE", "GONE"], [])


@pytest.mark.parametrize(
    ("part", "value", "told"),
    [
        ("untold", {}, "SECRET"),
        ("words", {"NEW": "OPEN", "DONE": "CLOSED"}, "GONE"),
        ("words", {**WHOLE["words"], "LOST": "OPEN"}, "LOST"),
        ("words", {**WHOLE["words"], "SECRET": "OPEN"}, "SECRET"),
        ("words", {**WHOLE["words"], "GONE": "BURNT"}, "BURNT"),
        ("decided", {}, "REFUSED"),
        ("later", {}, "FROZEN"),
        ("later", {**WHOLE["later"], "OPEN": "is there already"}, "OPEN"),
    ],
)
def test_a_gap_and_a_stranger_are_refused_by_name(part: str, value: dict[str, str], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        Names(**{**WHOLE, part: value})
