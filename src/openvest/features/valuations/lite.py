"""Valuations as lite shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from pydantic import Field

from openvest.core.lite import WHOLE, list_lite, list_of
from openvest.core.money import cents, plain
from openvest.core.schema import Day, Id, Instant, SignedCash, SignedDecimal, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.accounts import service as accounts
from openvest.features.valuations import rules_returns, service
from openvest.features.valuations.model import EVENTS, SimpleReturn, Valuation, ValuationCurrency
from openvest.operations import LITE, Operations


class ValuationView(View):
    """What the securities of an account were worth at the end of a day."""

    id: Id = Field(description="The valuation's identifier.")
    account_id: Id = Field(description="The account.")
    total_value: SignedCash = Field(description="What all positions were worth together; money is not in it.")
    currency: ValuationCurrency = Field(description="Currency of the value.")
    valued_at: Instant = Field(description="The instant it is of.")


class AccountReturnView(View):
    """What the securities of an account gained, before fees and taxes."""

    account_id: Id = Field(description="The account.")
    total_return: SignedCash = Field(description="What they are worth and what left, less what came in.")
    total_return_percentage: SignedDecimal | None = Field(
        default=None, description="That in percent of what came in; absent where nothing did."
    )
    period_start: Day = Field(description="The first day, in UTC.")
    period_end: Day = Field(description="The last day, in UTC.")
    currency: ValuationCurrency = Field(description="Currency of the return.")


AccountReturnList = list_of(AccountReturnView, "returns")
ValuationList = list_of(ValuationView, "valuations")

valuation_lite = shown(
    ValuationView,
    Valuation,
    total_value=lambda valuation: cents(Decimal(valuation["total_security_value"]["amount"])),
    currency=lambda valuation: valuation["total_security_value"]["currency"],
    valued_at="valuation_time",
)


def _day_of(name: str) -> Callable[[Snapshot], Json]:
    return lambda of: of[name][:10]


account_return_lite = shown(
    AccountReturnView,
    SimpleReturn,
    total_return=lambda of: cents(Decimal(of["gain"])),
    total_return_percentage=lambda of: of["percentage"] and plain(rules_returns.published(Decimal(of["percentage"]))),
    period_start=_day_of("period_start"),
    period_end=_day_of("period_end"),
)


async def list_valuations(unit: Unit, call: Call) -> Json:
    """List what the securities of an account were worth at the end of each day."""
    account = await accounts.get_account(unit, call.path["account_id"])
    return list_lite(await service.list_valuations(unit, WHOLE, account.id), valuation_lite)


async def list_account_returns(unit: Unit, call: Call) -> Json:
    """List what the securities of an account gained, in all the days they were valued."""
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.simple_return(unit, account.id)
    return {"data": [] if found is None else [account_return_lite(snapshot_of(found))]}


RETURNS = Operations(LITE, "Returns", "account_returns", readers=("read",))
VALUATIONS = Operations(LITE, "Valuations", "valuations", readers=("read",))

ENDPOINTS: list[Endpoint] = [
    VALUATIONS.lists("/accounts/{account_id}/valuations", list_valuations, ValuationList),
    RETURNS.lists("/accounts/{account_id}/returns", list_account_returns, AccountReturnList),
]

UNTOLD: Mapping[str, str] = {event.type: "lite has no category of valuations and returns" for event in EVENTS}
