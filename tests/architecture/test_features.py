"""Features look alike, what they declare is assembled, and what they tell is known to the contract."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from openvest.catalog import CONTRACTS, EVENTS, FEATURES, WORKS
from openvest.core.lifecycle import Lifecycle
from openvest.core.lite import EventCategory
from openvest.core.schema import View
from openvest.db.unit import Unit
from openvest.declarations import ClosingBlocker, Event, Reaction, Representation
from openvest.features.webhooks.model import Category
from tests.architecture.feature_parts import PARTS, feature_parts
from tests.architecture.test_layout import plant
from tests.architecture.tree import PACKAGE, ROOT
from tests.gates.matrix_declared import not_assembled, untold_events

OURS = (
    *("ORDER_CANCELLATION.CONFIRMED", "MANDATE.CREATED", "MANDATE.REVOKED", "DIRECT_DEBIT.CHARGED_BACK"),
    *("PORTFOLIO.CREATED", "PORTFOLIO.UPDATED", "PORTFOLIO.DELETED"),
    "ACCOUNT.TYPE_CHANGED",
)
"""The last is told in both contracts as ACCOUNT.UPDATED, the others are lite's; v1 has a category PORTFOLIO, and names
no event of it."""
EVENT_TYPES = ROOT / "tests" / "contract" / "event_types.txt"
"""Every event type v1's reference publishes, one a line."""

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
    plant(root, f"{PACKAGE}/features/gifts/feature.py", '"""A part."""\nfrom x import FEATURE\n')


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("model.py", '"""A part."""\n', None),
        ("model.py", "", "model.py does not say what it is"),
        ("feature.py", '"""A part."""\nGIFTS = Feature("gifts")\n', "feature.py has no FEATURE"),
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


def test_the_catalog_has_every_feature_in_the_printed_order() -> None:
    folders = {file.parent.name for file in (ROOT / PACKAGE).glob("features/*/feature.py")}
    *names, last = [feature.name for feature in FEATURES]
    assert (set(names), last) == (folders, "simulation")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    printed = [name.strip("()") for one in contracts if one["id"] == "features" for name in one["layers"]]
    assert names == [name for name in reversed(printed) if name in folders]


def test_what_no_feature_has_is_told_with_the_place_to_name_it() -> None:
    async def publish_gifts(unit: Unit) -> None: ...

    async def run(unit: Unit, rows: Sequence[Any]) -> None: ...

    gifts = ModuleType("gifts")
    vars(gifts).update(
        EVENTS=[Event("GIFT.GIVEN", "gift")],
        GIFT=Lifecycle("gift", "gifts.status", ("NEW",), frozenset({"GIVEN"}), {}),
        OPEN=ClosingBlocker("gifts g where g.account_id = a.id"),
        REACTIONS=(Reaction("USER.CREATED", run),),
        REPRESENTATIONS={"gift": Representation(dict, View)},
        publish_gifts=publish_gifts,
    )
    told = "gifts.{}: no feature has it; name it in the {} of its FEATURE"
    assert sorted(not_assembled([gifts])) == [
        told.format("EVENTS", "events"),
        told.format("GIFT", "lifecycles"),
        told.format("OPEN", "blockers"),
        told.format("REACTIONS", "reactions"),
        told.format("REPRESENTATIONS", "face"),
        told.format("publish_gifts", "publishers"),
    ]


def test_works_stand_in_the_order_of_their_phases() -> None:
    assert [work.phase for work in WORKS] == sorted(work.phase for work in WORKS)
    # Within a phase features stand from the bottom to the top, and their work as they list it.
    places = [feature.name for feature in FEATURES]
    in_phase = [(work.phase, places.index(work.name.partition(".")[0])) for work in WORKS]
    assert in_phase == sorted(in_phase)
    names = [work.name for work in WORKS]
    assert names.index("orders.check") < names.index("orders.expire") < names.index("executions.settle")


def test_operations_are_named_once() -> None:
    for table in CONTRACTS.values():
        assert len({(one.method, one.path) for one in table}) == len(table)
        assert len({one.operation_id for one in table}) == len(table)
    assert len({one.type for one in EVENTS}) == len(EVENTS)
    assert len({one.name for one in WORKS}) == len(WORKS)


# What is told is known


def test_every_event_is_told_by_every_contract_or_it_says_why_not() -> None:
    assert list(untold_events()) == []


def strangers(events: Iterable[Event]) -> list[str]:
    """Event types no reference publishes, or of a category nobody can subscribe to."""
    known = {*EVENT_TYPES.read_text(encoding="utf-8").split(), *OURS}
    categories = {*get_args(Category), *get_args(EventCategory)}
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
    assert {one.partition(".")[0] for one in known} - set(get_args(Category)) == {"BUSINESS_CHECK"}
    # The names of a portfolio's own events are not published anywhere.
    assert set(get_args(Category)) - {one.partition(".")[0] for one in known} == {"PORTFOLIO"}
