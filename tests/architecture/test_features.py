"""Features look alike, what they declare is assembled, and what they tell is known to the contract."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from openvest.catalog import CONTRACTS, EVENT_OBJECTS, EVENTS, REACTIONS, REPRESENTATIONS, WORKS
from openvest.declarations import Event
from openvest.features.webhooks.model import Category
from tests.architecture.feature_parts import PARTS, feature_parts
from tests.architecture.test_layout import plant
from tests.architecture.tree import PACKAGE, ROOT
from tests.kit.contracts import SERVED

ASSEMBLED: dict[tuple[str, str], Sequence[Any]] = {
    **{(contract, "ENDPOINTS"): table for contract, table in CONTRACTS.items()},
    **{(contract, "REPRESENTATIONS"): list(table.values()) for contract, table in REPRESENTATIONS.items()},
    ("model", "EVENTS"): EVENTS,
    ("sweeps", "SWEEPS"): WORKS,
    ("sweeps", "REACTIONS"): REACTIONS,
}
EVENT_TYPES = ROOT / "tests" / "contract" / "event_types.txt"
"""Every event type the reference publishes, one a line."""

STORY = '"""Gifts.\n\nNouns: a *gift*. Life: none. No money moves.\n\nSource: none.\n"""\n'


# Parts


def test_features_look_alike() -> None:
    found = feature_parts(ROOT)
    assert found.looked_at > 10
    assert found.sentences == []


def planted(root: Path) -> None:
    """A feature as it should be."""
    plant(root, f"{PACKAGE}/features/gifts/__init__.py", STORY)
    for part in PARTS:
        plant(root, f"{PACKAGE}/features/gifts/{part}.py", '"""A part."""\n')
    plant(root, f"{PACKAGE}/features/gifts/sweeps.py", '"""A part."""\nSWEEPS: list[int] = []\nREACTIONS = []\n')
    plant(root, f"{PACKAGE}/features/gifts/v1.py", '"""A part."""\nfrom x import ENDPOINTS\n')


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("model.py", '"""A part."""\n', None),
        ("model.py", "", "model.py does not say what it is"),
        ("v1.py", '"""A part."""\nEVENTS = []\n', "v1.py has no ENDPOINTS"),
        ("sweeps.py", '"""A part."""\nREACTIONS = []\n', "sweeps.py has no SWEEPS"),
        ("__init__.py", STORY.replace("Life", "State"), "its story does not tell their life"),
        ("__init__.py", STORY.replace("money", "value"), "its story does not tell how money moves"),
        ("__init__.py", STORY.replace("Source", "From"), "its story does not tell its sources"),
        ("__init__.py", STORY.replace("*", ""), "its story does not tell its nouns"),
    ],
)
def test_a_feature_that_looks_different_is_seen(tmp_path: Path, file: str, text: str, sentence: str | None) -> None:
    planted(tmp_path)
    plant(tmp_path, f"{PACKAGE}/features/gifts/{file}", text)
    assert feature_parts(tmp_path).sentences == ([f"gifts: {sentence}"] if sentence else [])


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_is_seen(tmp_path: Path, part: str) -> None:
    planted(tmp_path)
    (tmp_path / PACKAGE / "features" / "gifts" / f"{part}.py").unlink()
    assert feature_parts(tmp_path).sentences == [f"gifts: has no {part}.py"]


# What is declared is assembled


def forgotten(declared: Iterable[Any], assembled: Sequence[Any]) -> list[Any]:
    """What was declared and is not, or not once, in the catalog."""
    return [one for one in declared if sum(one is other for other in assembled) != 1]


@pytest.mark.parametrize(("part", "table"), ASSEMBLED)
def test_the_catalog_forgets_nothing_and_adds_nothing(part: str, table: str) -> None:
    assembled = ASSEMBLED[part, table]
    declared: list[Any] = []
    for file in sorted((ROOT / PACKAGE).glob(f"features/*/{part}.py")):
        found = getattr(importlib.import_module(f"openvest.features.{file.parent.name}.{part}"), table, ())
        declared += found.values() if isinstance(found, Mapping) else found
    assert forgotten(declared, assembled) == []
    if (ROOT / PACKAGE / "simulation" / f"{part}.py").is_file():
        declared += getattr(importlib.import_module(f"openvest.simulation.{part}"), table, ())
    if table == "SWEEPS":  # made where the holds of features above are known
        declared += [one for one in WORKS if one.name == "accounts.close"]
    assert len(declared) == len(assembled)
    assert declared or part == "lite", "nothing was read"


def test_what_the_catalog_forgot_is_seen() -> None:
    first, *rest = SERVED
    assert forgotten(SERVED, rest) == [first]
    assert forgotten(SERVED, [first, *SERVED]) == [first]


def test_operations_are_named_once() -> None:
    for table in CONTRACTS.values():
        assert len({(one.method, one.path) for one in table}) == len(table)
        assert len({one.operation_id for one in table}) == len(table)
    assert len({one.type for one in EVENTS}) == len(EVENTS)
    assert len({one.name for one in WORKS}) == len(WORKS)


# What is told is known


def test_every_event_is_shown_by_v1_and_no_contract_shows_what_is_not_told() -> None:
    assert [event.type for event in EVENTS if event.type not in EVENT_OBJECTS["v1"]] == []
    nouns = {event.noun for event in EVENTS}
    assert [(one, noun) for one, table in REPRESENTATIONS.items() for noun in table if noun not in nouns] == []


def strangers(events: Iterable[Event]) -> list[str]:
    """Event types the reference does not publish, or of a category nobody can subscribe to."""
    known = set(EVENT_TYPES.read_text(encoding="utf-8").split())
    categories = set(get_args(Category))
    return [one.type for one in events if one.type not in known or one.category not in categories]


def test_every_event_type_is_published_and_can_be_subscribed_to() -> None:
    assert strangers(EVENTS) == []


def test_a_made_up_event_type_is_seen() -> None:
    assert strangers([replace(EVENTS[0], type="USER.PROMOTED")]) == ["USER.PROMOTED"]
    # Published, but without a category of its own.
    assert strangers([replace(EVENTS[0], type="BUSINESS_CHECK.PASSED")]) == ["BUSINESS_CHECK.PASSED"]


def test_the_list_of_event_types_is_whole() -> None:
    known = EVENT_TYPES.read_text(encoding="utf-8").split()
    assert len(known) == len(set(known)) == 143
    assert {one.partition(".")[0] for one in known} - set(get_args(Category)) == {
        "BUSINESS_CHECK",
        "CASH_BALANCE_TRANSFER",
    }
    # The names of a portfolio's own events are not published anywhere.
    assert set(get_args(Category)) - {one.partition(".")[0] for one in known} == {"PORTFOLIO"}
