"""What becomes of direct debits: what the bank tells of them, and the revocation of their mandates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.money import Money
from openvest.core.snapshots import Emitted
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import LineTaker, Reaction
from openvest.features.bank.model import BankLine
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction, Reference
from openvest.features.direct_debits import rules, service, store
from openvest.features.direct_debits.model import DirectDebit
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import Journal, direct_debit_charge_back, direct_debit_fee, sepa_direct_debit


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement of a group's money, by one direct debit, that a bank line told of."""

    debit: DirectDebit
    line: BankLine
    amount: Decimal
    at: datetime
    journal: Journal


async def take_lines(unit: Unit, lines: Sequence[BankLine]) -> Mapping[UUID, UUID]:
    """Book what the bank told of direct debits; a line that does not fit its debit is left to whoever looks into it.

    Writes: direct_debits, cash_transactions, the ledger, DIRECT_DEBIT.…
    """
    wanted = sorted({line.object_id for line in lines if line.object_id is not None})
    debits = {debit.id: debit for debit in await unit.rows(store.DEBITS_FOR_UPDATE, unit.tenant_id, wanted)}
    booked: dict[UUID, UUID] = {}
    movements: list[Movement] = []
    for line in lines:
        debit = None if line.object_id is None else debits.get(line.object_id)
        verbs = None if debit is None else rules.verbs_of(debit, line)
        if debit is None or verbs is None:
            continue
        for verb in verbs:
            reason = line.refusal if verb == "cancel" else None
            debit = service.moved(unit, debit, verb, cancellation_reason=reason)
            movements += _movements(unit, debit, line, verb)
        if line.kind == "CREDIT":
            debit = replace(debit, settled_on=line.value_on)
        debits[debit.id] = debit
        booked[line.id] = debit.id
    await post(unit, [movement.journal for movement in movements])
    await save(unit, store.MOVE_DEBITS, *[debits[debit_id] for debit_id in sorted({*booked.values()})])
    await cash.record_transactions(unit, [_transaction(unit, movement) for movement in movements])
    return booked


def _movements(unit: Unit, debit: DirectDebit, line: BankLine, verb: str) -> Iterator[Movement]:
    """What a move of a debit moves in the books."""
    booked = (debit.id, debit.account_group_id, debit.currency)
    amount, at, on = debit.cash_amount, debit.updated_at, line.booking_on
    if verb == "confirm":
        yield Movement(debit, line, amount, at, sepa_direct_debit(*booked, amount, on))
    if verb == "charge back":
        yield Movement(debit, line, -amount, at, direct_debit_charge_back(*booked, amount, on))
        if fee := rules.fee_of(debit, line):
            yield Movement(debit, line, -fee, unit.moment_after(at), direct_debit_fee(*booked, fee, on))


def _transaction(unit: Unit, moved: Movement) -> CashTransaction:
    debit = moved.debit
    return CashTransaction(
        id=cash.transaction_id(unit, moved.line.id, debit.account_group_id),
        account_group_id=debit.account_group_id,
        account_id=None,
        type=moved.journal.kind,
        delta=Money(moved.amount, debit.currency),
        references=(Reference(debit.id, "DIRECT_DEBIT"),),
        booking_date=moved.at,
        value_date=moved.at,
        created_at=moved.at,
    )


async def follow_revocations(unit: Unit, events: Sequence[Emitted]) -> None:
    """Writes: as `service.end_of_mandates`."""
    await service.end_of_mandates(unit, [event.object_id for event in events])


TAKERS = [LineTaker(service.OBJECT_KIND, take_lines, instructed=True)]
REACTIONS = [Reaction("MANDATE.REVOKED", follow_revocations)]
