"""Verbs of cash balance transfers: issue, find, cancel, finish."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction, Reference
from openvest.features.cash_transfers import rules, store
from openvest.features.cash_transfers.model import CancellationReason, NewTransfer, Status, Transfer
from openvest.features.users import service as users
from openvest.ledger import posting_rules
from openvest.ledger.apply import InsufficientFunds
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import Journal

BOOKED_AS = "INTERNAL_CASH_TRANSFER"
"""What both cash transactions of a transfer are."""

_issued = filled(
    Transfer, NewTransfer, beside="id version created_at updated_at user_id due_at status cancellation_reason"
)


async def create_transfer(unit: Unit, new: NewTransfer) -> Transfer:
    """Set money of one group apart for another; it is there once its time has come.

    Raises: AccountGroupNotFound, GroupOfAnotherUser, GroupsOfOtherTypes, GroupTakesNoPart, NotWithdrawable. Writes:
    cash_balance_transfers, CASH_BALANCE_TRANSFER.ISSUED, the ledger.
    """
    groups = await accounts.account_groups_for_share(unit, [new.source_account_group_id, new.target_account_group_id])
    source = groups[new.source_account_group_id]
    rules.check_groups(source, groups[new.target_account_group_id])
    at = unit.moment_after(None)
    transfer = _issued(
        new,
        id=unit.ids.new("cash_balance_transfer"),
        version=1,
        created_at=at,
        updated_at=at,
        user_id=source.user_id,
        due_at=rules.due_at(at),
        status="ISSUED",
        cancellation_reason=None,
    )
    await save(unit, store.ADD_TRANSFER, transfer)
    unit.emit("CASH_BALANCE_TRANSFER.ISSUED", transfer.id, transfer.version, at, transfer)
    try:
        await post(
            unit,
            [posting_rules.reserve_transfer(transfer.id, source.id, transfer.currency, transfer.amount, at.date())],
        )
    except InsufficientFunds as short:
        raise rules.NotWithdrawable(
            f"Only settled and free cash is transferred: {short.missing} {new.currency} are missing."
        ) from short
    return transfer


async def get_transfer(unit: Unit, transfer_id: UUID) -> Transfer:
    """Raises: TransferNotFound."""
    return await unit.known(rules.TransferNotFound(), store.TRANSFER_BY_ID, unit.tenant_id, transfer_id)


async def list_transfers(unit: Unit, request: PageRequest, user_id: UUID | None = None) -> Page[Transfer]:
    """A page of all transfers, or of those of one user. Raises: UserNotFound."""
    if user_id is not None:
        await users.get_user(unit, user_id)
    return await page(unit, store.TRANSFERS, request, {"user_id": user_id})


async def cancel_transfer(unit: Unit, transfer_id: UUID) -> None:
    """Take a transfer back while it is ISSUED. Raises: TransferNotFound, TransferIsFinal.

    Writes: cash_balance_transfers, CASH_BALANCE_TRANSFER.CANCELLED, the ledger.
    """
    transfer = await unit.known(rules.TransferNotFound(), store.TRANSFER_FOR_UPDATE, unit.tenant_id, transfer_id)
    rules.may_cancel(transfer)
    await finish_transfers(unit, [(transfer, "cancel")], "CANCELLED_BY_CLIENT")


async def finish_transfers(
    unit: Unit, verbs: Sequence[tuple[Transfer, str]], reason: CancellationReason = "CANCELLED_BY_UPVEST"
) -> None:
    """Confirm or cancel locked transfers that are ISSUED, each by its verb; `reason` is of those that are cancelled.

    Writes: cash_balance_transfers, CASH_BALANCE_TRANSFER.…, cash_transactions, the ledger.
    """
    moved = [
        next_version(
            unit,
            transfer,
            status=cast(Status, rules.TRANSFER.move(transfer.status, verb)),
            cancellation_reason=reason if verb == "cancel" else None,
        )
        for transfer, verb in verbs
    ]
    await save(unit, store.MOVE_TRANSFERS, *moved)
    for transfer in moved:
        event = f"CASH_BALANCE_TRANSFER.{transfer.status}"
        unit.emit(event, transfer.id, transfer.version, transfer.updated_at, transfer)
    await post(unit, [_journal(transfer) for transfer in moved])
    confirmed = [transfer for transfer in moved if transfer.status == "CONFIRMED"]
    await cash.record_transactions(unit, [row for transfer in confirmed for row in _transactions(unit, transfer)])


def _journal(transfer: Transfer) -> Journal:
    source_id, on = transfer.source_account_group_id, transfer.updated_at.date()
    currency, amount = transfer.currency, transfer.amount
    if transfer.status == "CANCELLED":
        return posting_rules.release_transfer(transfer.id, source_id, currency, amount, on)
    target_id = transfer.target_account_group_id
    return posting_rules.cash_balance_transfer(transfer.id, source_id, target_id, currency, amount, on)


def _transactions(unit: Unit, transfer: Transfer) -> Sequence[CashTransaction]:
    cause = Reference(transfer.id, "CASH_BALANCE_TRANSFER")
    return [
        cash.payment(unit, cause, BOOKED_AS, group_id, Money(amount, transfer.currency), transfer.updated_at)
        for group_id, amount in (
            (transfer.source_account_group_id, -transfer.amount),
            (transfer.target_account_group_id, transfer.amount),
        )
    ]
