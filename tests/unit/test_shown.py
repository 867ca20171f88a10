"""Views filled from snapshots by the names of their fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from openvest.core.money import cents
from openvest.core.shown import shown


class GiftView(BaseModel):
    id: str
    price: Decimal
    changed_at: str | None
    note: str | None = None


GIFT = {"id": "7", "price": "1.5", "created_at": "today", "changed_at": None, "note": "with love", "secret": "s"}


def test_fields_come_by_their_names_in_the_order_of_the_view() -> None:
    assert list(shown(GiftView)(GIFT).items()) == [
        ("id", "7"), ("price", "1.5"), ("changed_at", None), ("note", "with love"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("named", "name", "value"),
    [
        ({"changed_at": "created_at"}, "changed_at", "today"),
        ({"price": lambda gift: cents(Decimal(gift["price"]))}, "price", "1.50"),
    ],
    ids=["another-field", "a-function"],
)
def test_what_differs_is_named(named: dict[str, Any], name: str, value: str) -> None:
    found = shown(GiftView, **named)(GIFT)
    assert found == {**shown(GiftView)(GIFT), name: value}


def test_what_need_not_be_there_is_left_out_and_what_must_is_null() -> None:
    assert shown(GiftView)({**GIFT, "note": None}) == {"id": "7", "price": "1.5", "changed_at": None}


def test_a_name_that_is_no_field_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="GiftView has no field colour"):
        shown(GiftView, colour="id")


def test_a_snapshot_without_a_field_is_a_fault() -> None:
    with pytest.raises(KeyError, match="price"):
        shown(GiftView)({"id": "7", "note": None, "changed_at": None})
