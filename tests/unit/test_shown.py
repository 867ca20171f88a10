"""Forms of a thing are made of each other by the names of fields, and what does not fit is refused at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import Field

from openvest.core.schema import Body, Instant, PaymentAmount, View
from openvest.core.shown import changed, filled, shown
from openvest.core.snapshots import snapshot_of, written


@dataclass(frozen=True, slots=True)
class NewGift:
    wrapping: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Gift(NewGift):
    given_at: datetime
    note: str | None = None
    card: NewGift | None = None

    @property
    def is_cheap(self) -> bool:
        return self.price < 1


@dataclass(frozen=True, slots=True)
class Price:
    price: Decimal
    is_cheap: bool


class GiftCreate(Body):
    wrapping: Literal["paper", "cloth"]
    price: PaymentAmount


class CardView(View):
    wrapping: str
    price: PaymentAmount


class GiftView(View):
    wrapping: str
    price: PaymentAmount = Field(description="What it cost.")
    given_at: Instant
    note: str | None = None
    card: CardView | None = None


AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GIFT = Gift("paper", Decimal("1.5"), AT)


def test_a_view_is_filled_from_fields_of_the_same_names_and_written_as_its_types_say() -> None:
    seen = shown(GiftView, Gift)(snapshot_of(GIFT))
    assert seen == {"wrapping": "paper", "price": "1.50", "given_at": "2026-03-02T09:30:00Z"}


def test_a_view_within_a_view_is_shown_in_the_same_way() -> None:
    whole = Gift("paper", Decimal("1.5"), AT, "for you", NewGift("cloth", Decimal(2)))
    seen = shown(GiftView, Gift)(snapshot_of(whole))
    assert (seen["note"], seen["card"]) == ("for you", {"wrapping": "cloth", "price": "2.00"})


MAPPERS = (
    shown(GiftView, Gift),
    shown(GiftView, Gift, note="wrapping", card=lambda gift: {"price": gift["price"], "of": [gift["given_at"]]}),
    shown(GiftView, Gift, note=lambda gift: (gift["card"] or gift)["wrapping"], card=lambda gift: gift["card"]),
    shown(GiftView, Gift, card=lambda gift: gift["card"] and shown(CardView, NewGift)(gift["card"])),
    shown(GiftView, Gift, note=lambda gift: gift.get("no such field")),
    shown(GiftView, Gift, note=lambda gift: f"{gift['given_at']} {gift['price']}", card=lambda gift: {**gift}),
)


@pytest.mark.parametrize("mapper", MAPPERS)
@pytest.mark.parametrize("card", [None, NewGift("cloth", Decimal("2.50"))])
def test_a_row_itself_is_shown_as_its_snapshot_is(mapper: Callable[[Any], Any], card: NewGift | None) -> None:
    gift = Gift("paper", Decimal("1.50"), AT, "for you", card)
    assert written(mapper(gift)) == written(mapper(snapshot_of(gift)))


def test_what_differs_is_another_field_or_a_function_of_the_whole() -> None:
    mapper = shown(GiftView, Gift, note="wrapping", card=lambda gift: {"price": gift["price"]})
    seen = mapper(snapshot_of(GIFT))
    assert (seen["note"], seen["card"]) == ("paper", {"price": "1.5"})


def test_a_snapshot_from_before_a_field_that_need_not_be_there_is_shown_without_it() -> None:
    older = {name: value for name, value in snapshot_of(GIFT).items() if name not in ("note", "card")}
    assert shown(GiftView, Gift)(older) == shown(GiftView, Gift)(snapshot_of(GIFT))


class SureView(View):
    note: str | None


def test_what_a_view_must_have_is_shown_where_it_is_none() -> None:
    assert shown(SureView, Gift)(snapshot_of(GIFT)) == {"note": None}


def test_the_domain_takes_a_body_by_the_names_of_its_fields() -> None:
    body = GiftCreate.model_validate({"wrapping": "cloth", "price": "2.00"})
    assert filled(NewGift, GiftCreate)(body) == NewGift("cloth", Decimal("2.00"))
    with_more = filled(Gift, GiftCreate, beside="given_at note card", wrapping=lambda said: said.wrapping.upper())
    assert with_more(body, given_at=AT, note=None, card=None) == Gift("CLOTH", Decimal("2.00"), AT)


def test_a_row_is_filled_from_fields_and_from_what_a_row_works_out() -> None:
    assert filled(Price, Gift)(GIFT) == Price(Decimal("1.5"), is_cheap=False)


class GiftChange(Body):
    wrapping: str | None = None
    price: PaymentAmount | None = None
    sent_back: bool | None = None


def test_a_change_is_what_was_given() -> None:
    changes = changed(Gift, GiftChange, without="price sent_back", note=lambda said: said.sent_back and "back")
    assert changes(GiftChange(wrapping="cloth", price=Decimal(1))) == {"wrapping": "cloth"}
    assert changes(GiftChange(sent_back=True)) == {"note": "back"}


class StrangeView(View):
    colour: str


class LongCreate(GiftCreate):
    ribbon: str


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: shown(StrangeView, Gift), "StrangeView shown of Gift: colour comes from nowhere."),
        (lambda: shown(GiftView, Gift, ribbon="note"), "GiftView shown of Gift: there is no ribbon."),
        (lambda: shown(StrangeView, Gift, colour="hue"), "StrangeView shown of Gift: there is no hue to take."),
        (lambda: filled(Gift, GiftCreate), "Gift filled from GiftCreate: given_at, note, card comes from nowhere."),
        (lambda: changed(Gift, GiftChange), "GiftChange as a change of Gift: sent_back comes from nowhere."),
        (lambda: filled(NewGift, LongCreate), "NewGift filled from LongCreate: ribbon goes nowhere."),
    ],
)
def test_what_does_not_fit_is_said_where_it_is_named(made: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=f"^{sentence}$"):
        made()
