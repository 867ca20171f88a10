"""Top-ups as both contracts take and show them: neither has words of its own for them.

What differs is what differs of all lists and codes, and stands in `v1.py` and `lite.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openvest.core.schema import Body, Id, Instant, PaymentAmount, View
from openvest.core.schema_payments import TEXT_PATTERN, Amount, PaymentCurrency
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.payments import service
from openvest.features.payments.model import NewTopup, Topup


class TopupCreate(Body):
    """Money to be credited now and wired later."""

    account_group_id: Id = Field(description="The account group to credit.")
    cash_amount: Amount = Field(description="How much to credit.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")


class TopupView(View):
    """A top-up."""

    id: Id = Field(description="Id of the top-up.")
    created_at: Instant = Field(description="When it was created.")
    account_group_id: Id = Field(description="The account group that was credited.")
    cash_amount: PaymentAmount = Field(description="How much was credited.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")
    settlement_reference: Annotated[str, Field(max_length=130, pattern=TEXT_PATTERN)] = Field(
        description="The text of the wire that settles it reads `topup` and this reference."
    )
    status: Literal["CONFIRMED", "SETTLED", "CANCELLED"] = Field(description="How far it is.")


topup_shown = shown(TopupView, Topup)
_new_topup = filled(NewTopup, TopupCreate)


async def create_topup(unit: Unit, call: Call) -> Json:
    """Credit an account group now with money that is wired later."""
    return topup_shown(snapshot_of(await service.create_topup(unit, _new_topup(call.body))))


async def retrieve_topup(unit: Unit, call: Call) -> Json:
    """Get a top-up."""
    return topup_shown(snapshot_of(await service.get_topup(unit, call.path["topup_id"])))


async def cancel_topup(unit: Unit, call: Call) -> Json:
    """Cancel a top-up that is confirmed and not spent."""
    await service.cancel_topup(unit, call.path["topup_id"])
