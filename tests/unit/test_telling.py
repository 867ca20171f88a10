"""How contracts tell of events: by their own names, or not at all, and nothing that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from openvest.core.schema import View
from openvest.core.snapshots import Snapshot
from openvest.declarations import Event, EventName, Face, Representation
from openvest.events.telling import tellings

EVENTS = [Event("GIFT.GIVEN", "gift"), Event("GIFT.LOST", "gift"), Event("BOX.OPENED", "box")]
GIFT = {"gift": Representation(dict, View)}


def lost_or_stolen(gift: Snapshot) -> Literal["GIFT.STOLEN", "GIFT.MISLAID"]:
    return "GIFT.STOLEN" if gift["stolen"] else "GIFT.MISLAID"


def nameless(gift: Snapshot) -> str:
    return str(gift["name"])


def of_two_kinds(gift: Snapshot) -> Literal["GIFT.STOLEN", "BOX.STOLEN"]:
    return "BOX.STOLEN" if gift["boxed"] else "GIFT.STOLEN"


def names(face: Face) -> dict[str, tuple[str, ...]]:
    return {event_type: telling.names for event_type, telling in tellings(EVENTS, [Face(), face]).items()}


def test_what_a_face_does_not_name_has_the_name_of_the_domain() -> None:
    assert names(Face(representations=GIFT)) == {"GIFT.GIVEN": ("GIFT.GIVEN",), "GIFT.LOST": ("GIFT.LOST",)}
    assert names(Face()) == {}


def test_a_contract_has_its_own_names_and_categories() -> None:
    told = tellings(
        EVENTS, [Face(representations=GIFT, told={"GIFT.GIVEN": "PRESENT.MADE", "GIFT.LOST": lost_or_stolen})]
    )
    assert (told["GIFT.GIVEN"].category, told["GIFT.LOST"].category) == ("PRESENT", "GIFT")
    assert told["GIFT.LOST"].names == ("GIFT.STOLEN", "GIFT.MISLAID")
    assert [told["GIFT.LOST"].name_of({"stolen": stolen}) for stolen in (True, False)] == [
        "GIFT.STOLEN",
        "GIFT.MISLAID",
    ]


def test_what_a_face_leaves_out_is_not_told() -> None:
    untold = {"GIFT.LOST": "nobody wants to know", "BOX.OPENED": "there are no boxes"}
    assert names(Face(representations=GIFT, untold=untold)) == {"GIFT.GIVEN": ("GIFT.GIVEN",)}


@pytest.mark.parametrize(
    ("told", "untold", "representations", "sentence"),
    [
        ({"GIFT.SENT": "GIFT.GIVEN"}, {}, GIFT, "There are no events of these names: GIFT.SENT."),
        ({}, {"GIFT.SENT": "why"}, GIFT, "There are no events of these names: GIFT.SENT."),
        ({"GIFT.LOST": "GIFT.GONE"}, {"GIFT.LOST": "why"}, GIFT, "These events are told and untold: GIFT.LOST."),
        (
            {"BOX.OPENED": "BOX.UNPACKED"}, {}, GIFT,
            "These events are told, and their objects are not shown: BOX.OPENED.",
        ),
        ({}, {}, {"bow": GIFT["gift"]}, "No event is about these objects: bow."),
        (
            {"GIFT.LOST": nameless}, {}, GIFT,
            f"{nameless.__module__}.nameless does not return a Literal of the names it gives.",
        ),
        (
            {"GIFT.LOST": of_two_kinds}, {}, GIFT,
            "These names of one event are not of one category: GIFT.STOLEN, BOX.STOLEN.",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    told: Mapping[str, EventName], untold: Mapping[str, str], representations: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(TypeError) as refused:
        names(Face(representations=representations, told=told, untold=untold))
    assert str(refused.value) == sentence
