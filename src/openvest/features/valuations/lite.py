"""Valuations as lite shows them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pydantic import Field

from openvest.core.lite import WHOLE, list_lite, list_of
from openvest.core.money import cents
from openvest.core.schema import Id, Instant, SignedCash, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.accounts import service as accounts
from openvest.features.valuations import service
from openvest.features.valuations.model import EVENTS, Valuation, ValuationCurrency
from openvest.operations import LITE, Operations


class ValuationView(View):
    """What the securities of an account were worth at the end of a day."""

    id: Id = Field(description="The valuation's identifier.")
    account_id: Id = Field(description="The account.")
    total_value: SignedCash = Field(description="What all positions were worth together; money is not in it.")
    currency: ValuationCurrency = Field(description="Currency of the value.")
    valued_at: Instant = Field(description="The instant it is of.")


ValuationList = list_of(ValuationView, "valuations")

valuation_lite = shown(
    ValuationView,
    Valuation,
    total_value=lambda valuation: cents(Decimal(valuation["total_security_value"]["amount"])),
    currency=lambda valuation: valuation["total_security_value"]["currency"],
    valued_at="valuation_time",
)


async def list_valuations(unit: Unit, call: Call) -> Json:
    """List what the securities of an account were worth at the end of each day."""
    account = await accounts.get_account(unit, call.path["account_id"])
    return list_lite(await service.list_valuations(unit, WHOLE, account.id), valuation_lite)


VALUATIONS = Operations(LITE, "Valuations", "valuations", readers=("read",))

ENDPOINTS: list[Endpoint] = [
    VALUATIONS.lists("/accounts/{account_id}/valuations", list_valuations, ValuationList),
]

UNTOLD: Mapping[str, str] = {event.type: "lite has no category of valuations" for event in EVENTS}
