"""Valuations as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from openvest.core.schema import Day, Id, Instant, SignedCash, SignedUnits, Unused, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.v1 import InstrumentReferenceView, PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.valuations import service
from openvest.features.valuations.model import PriceQuality, Quality, Valuation, ValuationCurrency
from openvest.operations import V1, Operations


class ValuationAmountView(View):
    """What all positions are worth together."""

    amount: SignedCash = Field(description="Sum of the values; positions without a price are not in it.")
    currency: ValuationCurrency = Field(description="Currency of the valuation.")


class ValuationValueView(ValuationAmountView):
    """What a position is worth."""

    amount: SignedCash = Field(description="Quantity times price, to the cent.")
    price_time: Instant = Field(description="When the price was made.")


class ValuationPositionView(View):
    """A position of a valuation."""

    instrument: InstrumentReferenceView = Field(description="The instrument.")
    quantity: SignedUnits = Field(description="All units, unsettled ones included.")
    value: ValuationValueView | None = Field(description="Null where the instrument has no price.")
    weight: SignedUnits | None = Field(description="Part of the total, 1 being all; null where there is none.")
    price_quality: PriceQuality = Field(description="How fresh the price is.")


class ValuationView(View):
    """What the securities of an account are worth."""

    id: Id = Field(description="Id of the valuation.")
    created_at: Instant = Field(description="When it was made.")
    updated_at: Instant = Field(description="When it last changed.")
    account_id: Id = Field(description="The account.")
    total_security_value: ValuationAmountView = Field(description="What all positions are worth together.")
    price_quality: Quality = Field(description="Of which prices it is made.")
    security_positions: list[ValuationPositionView] = Field(description="The positions, by instrument.")
    valuation_time: Instant = Field(description="The instant it is of.")


ValuationPage = page_of(ValuationView, "valuations")


class CurrentValuationQuery(BaseModel):
    """At which prices."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price_quality: Quality = Field(description="EOD: of the last end of a day; else the best there are now.")


class ValuationQuery(PageQuery):
    """Which days, and their order."""

    start_date: Annotated[Day | None, Unused] = Field(default=None, description="First day, in UTC.")
    end_date: Annotated[Day | None, Unused] = Field(default=None, description="Last day, in UTC.")
    sort: Literal["valuation_time"] = Field(default="valuation_time", description="Field to order by.")


valuation_v1 = shown(ValuationView, Valuation)


async def get_account_valuation(unit: Unit, call: Call) -> Json:
    """Get what the securities of an account are worth now."""
    account = await accounts.get_account(unit, call.path["account_id"])
    return valuation_v1(snapshot_of(await service.current_valuation(unit, account.id, call.query.price_quality)))


async def list_account_valuation_history(unit: Unit, call: Call) -> Json:
    """List what the securities of an account were worth at the end of each day."""
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.list_valuations(unit, call.query.page_request, account.id, **call.query.filters)
    return page_v1(found, valuation_v1)


VALUATIONS = Operations(V1, "Valuations", "valuations", readers=("read",))

ENDPOINTS: list[Endpoint] = [
    VALUATIONS.reads(
        "/accounts/{account_id}/valuations/current", get_account_valuation, ValuationView, query=CurrentValuationQuery
    ),
    VALUATIONS.lists(
        "/accounts/{account_id}/valuations", list_account_valuation_history, ValuationPage, query=ValuationQuery,
        errors=(405,),
    ),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {"account valuation": Representation(valuation_v1, ValuationView)}
