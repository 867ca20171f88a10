"""Virtual cash as both contracts take and show it: lite has no words of its own for it."""

from __future__ import annotations

from pydantic import Field

from openvest.core.schema import Body, Currency, Id, Instant, PaymentAmount, View
from openvest.core.schema_payments import Amount
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.virtual_cash import service
from openvest.features.virtual_cash.model import (
    Decrease,
    DecreaseStatus,
    Increase,
    IncreaseStatus,
    NewVirtualCash,
)


class VirtualCashCreate(Body):
    """By how much the virtual cash of an account group is to change."""

    account_group_id: Id = Field(description="The account group whose cash it is.")
    amount: Amount = Field(description="By how much.")
    currency: Currency = Field(description="Currency of the amount.")


class _VirtualCashView(View):
    id: Id = Field(description="Its id.")
    created_at: Instant = Field(description="When it was issued.")
    updated_at: Instant = Field(description="When it last changed.")
    account_group_id: Id = Field(description="The account group whose cash it is.")
    amount: PaymentAmount = Field(description="By how much.")
    currency: Currency = Field(description="Currency of the amount.")


class VirtualCashIncreaseView(_VirtualCashView):
    """An increase of virtual cash."""

    status: IncreaseStatus = Field(description="How far it is.")


class VirtualCashDecreaseView(_VirtualCashView):
    """A decrease of virtual cash."""

    status: DecreaseStatus = Field(description="How far it is; QUEUED while money is missing.")


increase_shown = shown(VirtualCashIncreaseView, Increase)
decrease_shown = shown(VirtualCashDecreaseView, Decrease)
_new = filled(NewVirtualCash, VirtualCashCreate)


async def create_virtual_cash_increase(unit: Unit, call: Call) -> Json:
    """Increase what an account group can trade with by money that its client firm keeps."""
    return increase_shown(snapshot_of(await service.create_increase(unit, _new(call.body))))


async def create_virtual_cash_decrease(unit: Unit, call: Call) -> Json:
    """Decrease the virtual cash of an account group as soon as the money is there."""
    return decrease_shown(snapshot_of(await service.create_decrease(unit, _new(call.body))))


async def cancel_virtual_cash_decrease(unit: Unit, call: Call) -> Json:
    """Cancel a virtual cash decrease that is issued or queued."""
    await service.cancel_decrease(unit, call.path["virtual_cash_decrease_id"])
