"""Valuations as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from openvest.core.money import plain
from openvest.core.schema import Day, Id, Instant, SignedCash, SignedDecimal, SignedUnits, Unused, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.v1 import InstrumentReferenceView, PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.valuations import rules_returns, service
from openvest.features.valuations.model import (
    AccountReturn,
    PriceQuality,
    Quality,
    Valuation,
    ValuationCurrency,
)
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


class TwrView(View):
    """Time-weighted returns: what the securities did before fees and taxes, whatever was put in or taken out."""

    daily: SignedDecimal | None = Field(default=None, description="Of the day, 0.01 being 1 %; not on the first day.")
    cumulative: SignedDecimal | None = Field(default=None, description="Of all days since the first.")
    cumulative_start_date: Instant | None = Field(default=None, description="The first day.")


class AccountReturnView(View):
    """What the securities of an account did on a day."""

    account_id: Id = Field(description="The account.")
    date: Instant = Field(description="Beginning of the day, in UTC.")
    twr: TwrView = Field(description="Time-weighted returns.")


AccountReturnPage = page_of(AccountReturnView, "returns")


class AccountReturnQuery(PageQuery):
    """Which days, and their order; without any date those of the last month."""

    start_date: Annotated[Day | None, Unused] = Field(default=None, description="First day, in UTC.")
    end_date: Annotated[Day | None, Unused] = Field(default=None, description="Last day, in UTC.")
    sort: Literal["date"] = Field(default="date", description="Field to order by.")


def _twr(of: Snapshot) -> Json:
    shown = {name: of[name] and plain(rules_returns.published(Decimal(of[name]))) for name in ("daily", "cumulative")}
    known = {name: value for name, value in shown.items() if value is not None}
    return {**known, "cumulative_start_date": of["cumulative_start_date"]}


valuation_v1 = shown(ValuationView, Valuation)
account_return_v1 = shown(AccountReturnView, AccountReturn, twr=_twr)


async def get_account_valuation(unit: Unit, call: Call) -> Json:
    """Get what the securities of an account are worth now."""
    account = await accounts.get_account(unit, call.path["account_id"])
    return valuation_v1(snapshot_of(await service.current_valuation(unit, account.id, call.query.price_quality)))


async def list_account_valuation_history(unit: Unit, call: Call) -> Json:
    """List what the securities of an account were worth at the end of each day."""
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.list_valuations(unit, call.query.page_request, account.id, **call.query.filters)
    return page_v1(found, valuation_v1)


async def list_account_returns(unit: Unit, call: Call) -> Json:
    """List what the securities of an account did, day by day."""
    query: AccountReturnQuery = call.query
    account, start = await accounts.get_account(unit, call.path["account_id"]), query.start_date
    if start is query.end_date is None:
        start = rules_returns.month_before(unit.now.date())
    return page_v1(
        await service.list_returns(unit, query.page_request, account.id, start, query.end_date), account_return_v1
    )


RETURNS = Operations(V1, "Returns", "account_returns", readers=("read",))
VALUATIONS = Operations(V1, "Valuations", "valuations", readers=("read",))

ENDPOINTS: list[Endpoint] = [
    VALUATIONS.reads(
        "/accounts/{account_id}/valuations/current", get_account_valuation, ValuationView, query=CurrentValuationQuery
    ),
    VALUATIONS.lists(
        "/accounts/{account_id}/valuations", list_account_valuation_history, ValuationPage, query=ValuationQuery,
        errors=(405,),
    ),
    RETURNS.lists(
        "/accounts/{account_id}/returns", list_account_returns, AccountReturnPage, query=AccountReturnQuery,
        errors=(405,),
    ),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "account valuation": Representation(valuation_v1, ValuationView),
    "account return": Representation(account_return_v1, AccountReturnView),
}
