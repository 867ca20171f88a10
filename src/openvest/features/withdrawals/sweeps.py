"""What the bank tells of withdrawals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import LineTaker
from openvest.features.accounts import service as accounts
from openvest.features.bank.model import BankLine
from openvest.features.withdrawals import rules, service, store
from openvest.features.withdrawals.model import Withdrawal
from openvest.ledger import posting_rules
from openvest.ledger.posting import post


async def take_lines(unit: Unit, lines: Sequence[BankLine]) -> Mapping[UUID, UUID]:
    """Move withdrawals by what the bank tells of them, and credit what it brings back.

    What cannot be about a withdrawal as it stands, such as another amount, is not taken.
    Writes: withdrawals, WITHDRAWAL.PROCESSING, WITHDRAWAL.CONFIRMED, WITHDRAWAL.CANCELLED, cash_transactions, ledger.
    """
    ids = sorted({line.object_id for line in lines if line.object_id is not None})
    known = {one.id: one for one in await unit.rows(store.WITHDRAWALS_FOR_UPDATE, unit.tenant_id, ids)}
    taken: dict[UUID, UUID] = {}
    for line in lines:
        withdrawal = None if line.object_id is None else known.get(line.object_id)
        moved = None if withdrawal is None else await _by_line(unit, withdrawal, line)
        if moved is not None:
            known[moved.id] = moved
            taken[line.id] = moved.id
    return taken


async def _by_line(unit: Unit, withdrawal: Withdrawal, line: BankLine) -> Withdrawal | None:
    if rules.is_return(withdrawal, line):
        return await _returned(unit, withdrawal, line)
    status = rules.moved_by(withdrawal, line)
    if status is None:
        return None
    if status == "CANCELLED":
        await post(unit, [service.released(withdrawal, line.booking_on)])
        return await service.move_withdrawal(unit, withdrawal, status, line.refusal)
    moved = await service.move_withdrawal(unit, withdrawal, status)
    if status == "CONFIRMED":
        await post(unit, [posting_rules.withdrawal(*_facts(withdrawal), line.booking_on)])
        await service.record_transaction(unit, moved, "WITHDRAWAL", line.id)
    return moved


async def _returned(unit: Unit, withdrawal: Withdrawal, line: BankLine) -> Withdrawal | None:
    group = await accounts.account_group_for_share(unit, withdrawal.account_group_id)
    if group.status == "CLOSED":
        return None  # nobody is there to be credited
    await post(unit, [posting_rules.withdrawal_cancellation(*_facts(withdrawal), line.booking_on)])
    back = replace(withdrawal, returned_at=unit.now)
    await save(unit, store.MARK_RETURNED, back)
    await service.record_transaction(unit, back, "WITHDRAWAL_CANCELLATION", line.id)
    return back


def _facts(withdrawal: Withdrawal) -> tuple[UUID, UUID, str, Decimal]:
    return withdrawal.id, withdrawal.account_group_id, withdrawal.currency, withdrawal.amount


TAKERS = [LineTaker(service.TAKER, take_lines, instructed=True)]
