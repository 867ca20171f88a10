"""Lite has a word for everything, and everything lite has a word for is known: statuses, types, events."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

import openvest
from openvest.catalog import CONTRACTS, FEATURES, TOLD
from openvest.core.lite import EventCategory
from openvest.core.naming import Names
from tests.kit.stage import ROOT

LITE = TOLD["lite"]
CATEGORIES = frozenset(get_args(EventCategory))
LISTED = dict(
    line.partition(" later ")[::2] for line in (Path(__file__).parent / "event_types_lite.txt").read_text().splitlines()
)
"""Every name of an event that the reference lists and, where no event has it yet, the feature that brings it."""
REFERENCE = ROOT.parent / "shared" / "reference" / "lite" / "asyncapi-1.0.0.yaml"
SERVED = {feature.name for feature in FEATURES}
TABLES: list[Names[Any, Any]] = [
    names for feature in FEATURES for face in feature.faces.values() for names in face.names
]

OTHER_FACTS: Mapping[str, str] = {
    "WebhookSubscription.event_categories": "categories of events, which no object has",
    "Clock.mode": "what a clock is asked for and shown, in the words of v1",
    "Advance.mode": "what a clock is asked for and shown, in the words of v1",
}
"""Lists of words that are made of something else than a word of the domain."""


# Events


def test_every_name_is_of_a_category_and_so_is_its_object() -> None:
    class Anything(dict[str, str]):
        def __missing__(self, name: str) -> str:
            return name

    assert {telling.category for telling in LITE.values()} <= CATEGORIES
    for event_type, telling in LITE.items():
        shown = telling.shown.mapper(Anything())
        assert (shown.keys(), shown["type"]) == ({"id", "type"}, telling.category), event_type


def test_every_event_that_the_reference_lists_is_told_or_comes_with_a_feature() -> None:
    told = {name for telling in LITE.values() for name in telling.names}
    assert {name for name, later in LISTED.items() if not later} - told == set()
    assert {name: later for name, later in LISTED.items() if later and (name in told or later in SERVED)} == {}


def test_the_list_is_that_of_the_reference() -> None:
    if not REFERENCE.exists():
        pytest.skip("no reference beside the repository")
    text = REFERENCE.read_text(encoding="utf-8").partition("        event_type:\n")[2].partition("        object:\n")[0]
    assert re.findall(r"- ([A-Z_]+\.[A-Z_]+)", text) == list(LISTED)


def test_nothing_that_can_be_subscribed_to_is_never_heard_of() -> None:
    heard = {telling.category for telling in LITE.values()}
    coming = {name.partition(".")[0] for name, later in LISTED.items() if later} | {"ACCOUNT_TRANSFER"}
    assert CATEGORIES - heard == coming


# Words


def _literals(kind: Any) -> Iterator[frozenset[str]]:
    if get_origin(kind) is Literal:
        yield frozenset(get_args(kind))
    for inner in get_args(kind):
        yield from _literals(inner)


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


def _fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, frozenset[str]]]:
    """Every field of a view and of those inside it that has a list of words, by `View.field`."""
    if model not in seen:
        seen.add(model)
        for name, field in model.model_fields.items():
            yield from (
                (f"{model.__name__.removesuffix('View')}.{name}", words) for words in _literals(field.annotation)
            )
            for inner in _models(field.annotation):
                yield from _fields(inner, seen)


def _of_the_domain() -> frozenset[frozenset[str]]:
    """Every list of words that is named outside the faces of contracts."""
    found: set[frozenset[str]] = set()
    for info in pkgutil.walk_packages(openvest.__path__, "openvest."):
        if not re.search(r"__main__|\.(v1|lite)[^.]*$|_lite$", info.name):
            found |= {
                words for value in vars(importlib.import_module(info.name)).values() for words in _literals(value)
            }
    return frozenset(found)


def test_every_word_that_lite_shows_is_of_the_domain_or_of_a_table() -> None:
    seen: set[type[BaseModel]] = set()
    shown: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
    for endpoint in CONTRACTS["lite"]:
        for name, words in _fields(endpoint.answer, seen) if endpoint.answer is not None else ():
            shown[name].add(words)
    known = _of_the_domain() | {frozenset(get_args(names.contract) or names.contract) for names in TABLES}
    assert len(shown) > 20
    without = {name for name, lists in shown.items() for words in lists if len(words) > 1 and words not in known}
    assert without == OTHER_FACTS.keys(), "a list of words without a table: see Names in core/naming.py"


def test_what_comes_later_is_not_there_yet() -> None:
    later = {word: feature for names in TABLES for word, feature in names.later.items()}
    assert {word: feature for word, feature in later.items() if feature in SERVED} == {}
    assert all(re.fullmatch("[a-z_]+", feature) for feature in (*later.values(), *filter(None, LISTED.values())))


def test_every_table_that_is_written_is_listed() -> None:
    """A table that no face lists is on no page and in no law."""
    written = {
        id(value): f"{info.name}.{name}"
        for info in pkgutil.walk_packages(openvest.__path__, "openvest.")
        if not info.name.endswith("__main__")
        for name, value in vars(importlib.import_module(info.name)).items()
        if isinstance(value, Names)
    }
    assert {name for key, name in written.items() if key not in {id(names) for names in TABLES}} == set()
