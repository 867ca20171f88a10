"""What the bank tells of withdrawals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import LineTaker
from openvest.features.accounts import service as accounts
from openvest.features.bank.model import BankLine
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction
from openvest.features.withdrawals import rules, service, store
from openvest.features.withdrawals.model import Withdrawal
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import Journal


@dataclass(slots=True)
class Taken:
    """What a set of lines comes to."""

    withdrawals: dict[UUID, Withdrawal]
    by_line: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])
    journals: list[Journal] = field(default_factory=list[Journal])
    transactions: list[CashTransaction] = field(default_factory=list[CashTransaction])


async def take_lines(unit: Unit, lines: Sequence[BankLine]) -> Mapping[UUID, UUID]:
    """Move withdrawals by what the bank tells of them, and credit what it brings back.

    What cannot be about a withdrawal as it stands, such as another amount, is not taken; nor is what comes back to a
    group that is closed, where nobody is there to be credited.
    Writes: withdrawals, WITHDRAWAL.PROCESSING, WITHDRAWAL.CONFIRMED, WITHDRAWAL.CANCELLED, cash_transactions, ledger.
    """
    ids = sorted({line.object_id for line in lines if line.object_id is not None})
    found = await unit.rows(store.WITHDRAWALS_FOR_UPDATE, unit.tenant_id, ids)
    taken = Taken({one.id: one for one in found})
    for line in lines:
        withdrawal = None if line.object_id is None else taken.withdrawals.get(line.object_id)
        verbs = None if withdrawal is None else rules.verbs_of(withdrawal, line)
        if withdrawal is None or verbs is None:
            continue
        if "return" in verbs:
            group = await accounts.account_group_for_share(unit, withdrawal.account_group_id)
            if group.status == "CLOSED":
                continue
        for verb in verbs:
            withdrawal = _after(unit, taken, withdrawal, line, verb)
        if line.kind == "DEBIT":
            withdrawal = replace(withdrawal, paid_on=line.booking_on)
        taken.withdrawals[withdrawal.id] = withdrawal
        taken.by_line[line.id] = withdrawal.id
    await post(unit, taken.journals)
    await save(unit, store.SAVE_WITHDRAWALS, *[taken.withdrawals[one] for one in sorted({*taken.by_line.values()})])
    await cash.record_transactions(unit, taken.transactions)
    return taken.by_line


def _after(unit: Unit, taken: Taken, withdrawal: Withdrawal, line: BankLine, verb: str) -> Withdrawal:
    """The withdrawal after this verb, with what that books and shows."""
    on = line.booking_on
    if verb == "return":
        taken.journals.append(rules.given_back(withdrawal, on))
        taken.transactions.append(service.transaction(unit, withdrawal, "WITHDRAWAL_CANCELLATION", line.id))
        return rules.returned(withdrawal, unit.now)
    if verb == "confirm":
        taken.journals.append(rules.paid(withdrawal, on))
        taken.transactions.append(service.transaction(unit, withdrawal, "WITHDRAWAL", line.id))
    elif verb == "cancel":
        taken.journals.append(rules.released(withdrawal, on))
    return service.moved(unit, withdrawal, verb, line.refusal if verb == "cancel" else None)


TAKERS = [LineTaker(service.TAKER, take_lines, instructed=True)]
