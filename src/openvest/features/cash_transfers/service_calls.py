"""Cash balance transfers as both contracts take and show them: lite has no words of its own for them.

What differs is what differs of all lists and codes, and stands in `v1.py` and `lite.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, Literal

from pydantic import Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, PaymentAmount, View
from openvest.core.schema_payments import Amount
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.cash_transfers import service
from openvest.features.cash_transfers.model import NewTransfer, Status, Transfer


class CashBalanceTransferCreate(Body):
    """Cash to be transferred between two account groups of one user."""

    source_account_group_id: Id = Field(description="The account group the money leaves.")
    target_account_group_id: Id = Field(description="The account group it comes to, of the same user and type.")
    amount: Amount = Field(description="How much; settled and free cash only.")
    currency: Literal["EUR"] = Field(description="Currency of the amount.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        if body.source_account_group_id == body.target_account_group_id:
            yield FieldError("target_account_group_id", "is another account group than the source")


class CashBalanceTransferView(View):
    """A transfer of cash between two account groups."""

    id: Id = Field(description="Id of the transfer.")
    created_at: Instant = Field(description="When it was issued.")
    updated_at: Instant = Field(description="When it last changed.")
    source_account_group_id: Id = Field(description="The account group the money leaves.")
    target_account_group_id: Id = Field(description="The account group it comes to.")
    amount: PaymentAmount = Field(description="How much.")
    currency: Literal["EUR"] = Field(description="Currency of the amount.")
    status: Status = Field(description="How far it is.")
    cancellation_reason: str | None = Field(
        default=None, description="Who cancelled it: the client firm, or the platform where a group takes no part."
    )


transfer_shown = shown(CashBalanceTransferView, Transfer)
_new_transfer = filled(NewTransfer, CashBalanceTransferCreate)


async def create_cash_balance_transfer(unit: Unit, call: Call) -> Json:
    """Transfer cash to another account group of its user."""
    return transfer_shown(snapshot_of(await service.create_transfer(unit, _new_transfer(call.body))))


async def retrieve_cash_balance_transfer(unit: Unit, call: Call) -> Json:
    """Get a cash balance transfer."""
    return transfer_shown(snapshot_of(await service.get_transfer(unit, call.path["cash_balance_transfer_id"])))


async def cancel_cash_balance_transfer(unit: Unit, call: Call) -> Json:
    """Cancel a cash balance transfer that is issued and not booked."""
    await service.cancel_transfer(unit, call.path["cash_balance_transfer_id"])
