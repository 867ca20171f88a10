"""Names, addresses and countries of every body, present and future: what cannot be seen or read is refused, what is
only rare is taken.

The fields are found by walking the bodies of the endpoint table, so one that is added later is held to this as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.kit.contracts import SERVED
from tests.kit.samples import each

NO_NAMES = {*each(lambda sample: sample.no_names)}
COUNTRIES = {"country", "birth_country", "nationality", "nationalities", "issuing_country"}


def bodies(kind: Any, seen: list[type[BaseModel]]) -> list[type[BaseModel]]:
    """The models a type holds, each once."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.append(kind)
        for field in kind.model_fields.values():
            bodies(field.annotation, seen)
    for part in get_args(kind):
        bodies(part, seen)
    return seen


def fields() -> Iterator[tuple[str, str, Any]]:
    found: list[type[BaseModel]] = []
    for endpoint in SERVED:
        bodies(endpoint.body, found)
    for model in found:
        for name, field in model.model_fields.items():
            yield model.__name__, name, field.rebuild_annotation()


def takes(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


FREE = [(model, name, kind) for model, name, kind in fields() if name not in NO_NAMES and takes(kind, "Zoe Lind")]
CODED = [(model, name, kind) for model, name, kind in fields() if takes(kind, "KZ") or takes(kind, ["KZ"])]


def test_the_walk_finds_what_there_is() -> None:
    assert {"first_name", "last_name", "birth_city", "address_line1", "address_line2", "state", "city", "postcode",
            "provider", "name", "counterparty_name"} <= {name for _, name, _ in FREE}  # fmt: skip
    assert {name for _, name, _ in CODED} >= COUNTRIES


@pytest.mark.parametrize(
    "torn", ["Zoe\nLind", "Zoe\rLind", "Zoe\x85Li", "Zoe\u2028Li", "Zoe\tLind", "Zoe\x00Li", "Zoe\x7fLi"]
)
def test_no_name_and_no_address_has_a_line_break_or_a_control(torn: str) -> None:
    assert [(model, name) for model, name, kind in FREE if takes(kind, torn)] == []


@pytest.mark.parametrize("turn", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_no_name_turns_the_direction_of_what_stands_beside_it(turn: str) -> None:
    assert [(model, name) for model, name, kind in FREE if takes(kind, f"Zoe{turn}Lind")] == []


@pytest.mark.parametrize(
    "unseen", ["\u200b\u200b", "\u00a0\u00a0", "\u0301\u0301", "\u2060\ufeff", "  ", "\u3164\u3164", "\u2800\u2800",
               "\u00ad\u00ad", "\u200e\u200f", "\U000e0041\U000e0042", "\u3000\u2003"]
)  # fmt: skip
def test_every_name_that_is_required_can_be_seen(unseen: str) -> None:
    optional = {"address_line2", "additional_line", "state", "remittance_information"}
    assert [(model, name) for model, name, kind in FREE if name not in optional and takes(kind, unseen)] == []


@pytest.mark.parametrize(
    "rare",
    [
        "Zoë",
        "O’Brien-Śmigły",
        "李 小龙",
        "שרה לוי",
        "علی\u200cرضا",
        "ശ്രീ\u200dജ",
        "Nguyễn",
        "X Æ A-12",
        "🙂 B",
        "e\u0301a",
    ],
)
def test_names_of_the_whole_world_are_taken(rare: str) -> None:
    person = [kind for _, name, kind in FREE if name in ("first_name", "last_name", "address_line1", "city", "name")]
    assert person
    assert all(takes(kind, rare) for kind in person)


@pytest.mark.parametrize("code", ["ZZ", "XX", "AA", "UK", "EU", "XK", "SU", "YU", "QM", "XS"])
def test_what_is_no_country_of_the_standard_is_taken_nowhere(code: str) -> None:
    coded = [(model, name, kind) for model, name, kind in CODED if name in COUNTRIES]
    assert [(model, name) for model, name, kind in coded if takes(kind, code) or takes(kind, [code])] == []


@pytest.mark.parametrize("code", ["DE", "GB", "SS", "TW", "PS", "VA", "AQ", "BQ", "CW", "SX", "AX"])
def test_every_country_of_the_standard_is_taken(code: str) -> None:
    coded = [(name, kind) for _, name, kind in CODED if name in COUNTRIES]
    assert all(takes(kind, code) or takes(kind, [code]) for _, kind in coded)
