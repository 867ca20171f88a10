"""Verbs of withdrawals: order, find, cancel."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from openvest.core.banking import Party
from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.bank.model import CancellationReason, NewInstruction
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction, Reference
from openvest.features.reference_accounts import service as reference_accounts
from openvest.features.withdrawals import rules, store
from openvest.features.withdrawals.model import NewWithdrawal, Withdrawal
from openvest.ledger import posting_rules
from openvest.ledger.chart import Key
from openvest.ledger.posting import balances_for_update, post

TAKER = "withdrawal"
"""What its instructions are called, and who hears of them."""
_new = filled(
    Withdrawal,
    NewWithdrawal,
    beside="id version created_at updated_at user_id status cancellation_reason returned_at paid_on",
)


async def create_withdrawal(unit: Unit, new: NewWithdrawal) -> Withdrawal:
    """Set money apart and have it paid out at the next cut-off.

    Raises: AccountGroupNotFound, NotTheHolder, ReferenceAccountNotFound, GroupPaysNothingOut, CurrencyNotPaidOut,
    NotWithdrawable, OutsideCalendar. Writes: withdrawals, WITHDRAWAL.NEW, the ledger, bank_instructions.
    """
    group = await accounts.account_group_for_share(unit, new.account_group_id)
    rules.check_group(group, new)
    account = await reference_accounts.usable_account(unit, new.reference_account_id, group.user_id)
    key = Key(group.id, new.currency)
    rules.check_withdrawable(new, (await balances_for_update(unit, [key]))[key])
    at = unit.moment_after(None)
    withdrawal = _new(
        new,
        id=unit.ids.new("withdrawal"),
        version=1,
        created_at=at,
        updated_at=at,
        user_id=group.user_id,
        status="NEW",
        cancellation_reason=None,
        returned_at=None,
        paid_on=None,
    )
    await save(unit, store.ADD_WITHDRAWAL, withdrawal)
    unit.emit("WITHDRAWAL.NEW", withdrawal.id, 1, at, withdrawal)
    await post(unit, [posting_rules.reserve_withdrawal(withdrawal.id, group.id, new.currency, new.amount, at.date())])
    instruction = NewInstruction(
        kind="CREDIT_TRANSFER",
        object_kind=TAKER,
        object_id=withdrawal.id,
        user_id=group.user_id,
        amount=withdrawal.amount,
        currency=withdrawal.currency,
        counterparty=Party(account.account_owner, account.iban, account.bic),
        remittance_information=withdrawal.remittance_information,
        purpose_code=withdrawal.purpose_code,
    )
    await bank.instruct(unit, [instruction])
    return withdrawal


async def newest_reference_account(unit: Unit, account_group_id: UUID) -> UUID:
    """Where a group's money goes that nobody said more of. Raises: AccountGroupNotFound, NothingToPayTo."""
    group = await accounts.get_account_group(unit, account_group_id)
    newest = PageRequest(limit=1, order="DESC")
    found = await reference_accounts.list_reference_accounts(unit, newest, group.user_id)
    if not found.rows:
        raise rules.NothingToPayTo
    return found.rows[0].id


async def get_withdrawal(unit: Unit, withdrawal_id: UUID) -> Withdrawal:
    """Raises: WithdrawalNotFound."""
    return await unit.known(rules.WithdrawalNotFound(), store.WITHDRAWAL_BY_ID, unit.tenant_id, withdrawal_id)


async def list_withdrawals(unit: Unit, request: PageRequest, account_group_id: UUID | None = None) -> Page[Withdrawal]:
    """A page of all withdrawals, or of those of one group. Raises: AccountGroupNotFound."""
    if account_group_id is not None:
        await accounts.get_account_group(unit, account_group_id)
    return await page(unit, store.WITHDRAWALS, request, {"account_group_id": account_group_id})


async def cancel_withdrawal(unit: Unit, withdrawal_id: UUID) -> Withdrawal:
    """Take a withdrawal back that no bank has yet.

    Raises: WithdrawalNotFound, WithdrawalIsUnderWay. Writes: withdrawals, WITHDRAWAL.CANCELLED, the ledger,
    bank_instructions.
    """
    found = await unit.rows(store.WITHDRAWALS_FOR_UPDATE, unit.tenant_id, [withdrawal_id])
    if not found:
        raise rules.WithdrawalNotFound
    [withdrawal] = found
    rules.check_cancel(withdrawal)
    if not await bank.recall(unit, [withdrawal.id]):
        raise rules.WithdrawalIsUnderWay("The withdrawal cannot be cancelled any more; it is with the bank.")
    await post(unit, [rules.released(withdrawal, unit.now.date())])
    cancelled = moved(unit, withdrawal, "cancel", "CANCELLED_BY_CLIENT")
    await save(unit, store.SAVE_WITHDRAWALS, cancelled)
    return cancelled


def moved(unit: Unit, withdrawal: Withdrawal, verb: str, reason: CancellationReason | None = None) -> Withdrawal:
    """A locked withdrawal after this verb, and its news; the caller stores it. Raises: WrongState."""
    status = rules.WITHDRAWAL.move(withdrawal.status, verb)
    changed = next_version(unit, withdrawal, status=status, cancellation_reason=reason)
    unit.emit(f"WITHDRAWAL.{status}", changed.id, changed.version, changed.updated_at, changed)
    return changed


def transaction(
    unit: Unit, withdrawal: Withdrawal, kind: Literal["WITHDRAWAL", "WITHDRAWAL_CANCELLATION"], line_id: UUID
) -> CashTransaction:
    """What the customer sees of money that has left, or come back, by this line."""
    sign = -1 if kind == "WITHDRAWAL" else 1
    return CashTransaction(
        id=cash.transaction_id(unit, line_id, withdrawal.account_group_id),
        account_group_id=withdrawal.account_group_id,
        account_id=None,
        type=kind,
        delta=Money(sign * withdrawal.amount, withdrawal.currency),
        references=(Reference(withdrawal.id, "WITHDRAWAL"),),
        booking_date=unit.now,
        value_date=unit.now,
        created_at=unit.now,
    )
