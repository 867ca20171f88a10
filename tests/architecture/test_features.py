"""Features look alike, what they declare is assembled, and what they tell is known to the contract."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from openvest.catalog import EVENTS, REACTIONS, V1_ENDPOINTS, WORKS
from openvest.declarations import Event
from openvest.features.webhooks.model import Category
from tests.architecture.feature_parts import PARTS, feature_parts
from tests.architecture.test_layout import plant
from tests.architecture.tree import PACKAGE, ROOT

ASSEMBLED: dict[tuple[str, str], Sequence[Any]] = {
    ("v1", "ENDPOINTS"): V1_ENDPOINTS,
    ("v1", "EVENTS"): EVENTS,
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
    plant(root, f"{PACKAGE}/features/gifts/v1.py", '"""A part."""\nfrom x import ENDPOINTS\nEVENTS: list[int] = []\n')


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("model.py", '"""A part."""\n', None),
        ("model.py", "", "model.py does not say what it is"),
        ("v1.py", '"""A part."""\nENDPOINTS = []\n', "v1.py has no EVENTS"),
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
    for folder in sorted((ROOT / PACKAGE / "features").glob("*/__init__.py")):
        module = importlib.import_module(f"openvest.features.{folder.parent.name}.{part}")
        declared += getattr(module, table)
    assert declared and forgotten(declared, assembled) == []
    if table == "ENDPOINTS":
        declared += importlib.import_module("openvest.simulation.v1").ENDPOINTS
    if table == "SWEEPS":  # made where the holds of features above are known
        declared += [one for one in WORKS if one.name == "close_accounts"]
    assert len(declared) == len(assembled)


def test_what_the_catalog_forgot_is_seen() -> None:
    first, *rest = V1_ENDPOINTS
    assert forgotten(V1_ENDPOINTS, rest) == [first]
    assert forgotten(V1_ENDPOINTS, [first, *V1_ENDPOINTS]) == [first]


def test_operations_are_named_once() -> None:
    assert len({(one.method, one.path) for one in V1_ENDPOINTS}) == len(V1_ENDPOINTS)
    assert len({one.operation_id for one in V1_ENDPOINTS}) == len(V1_ENDPOINTS)
    assert len({one.type for one in EVENTS}) == len(EVENTS)
    assert len({one.name for one in WORKS}) == len(WORKS)


# What is told is known


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
