"""Work of payments that is due: bank lines that have arrived are matched to top-ups, or put in suspense."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast
from uuid import UUID

from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Sweep
from openvest.features.payments import rules, service, store
from openvest.features.payments.model import BankLine, LineStatus, Topup
from openvest.ledger import posting_rules
from openvest.ledger.posting import post


async def claim_lines(unit: Unit, limit: int) -> list[BankLine]:
    """Bank lines that are due, locked, in the order of their credit."""
    return await unit.rows(store.CLAIM_LINES, unit.tenant_id, unit.now, limit)


async def match_lines(unit: Unit, lines: Sequence[BankLine]) -> None:
    """Settle the top-ups these lines pay, and put every other line's money in suspense.

    Writes: bank_lines, topups, the ledger.
    """
    named = {line.id: rules.named_reference(line.remittance_information) for line in lines}
    references = sorted({reference for reference in named.values() if reference is not None})
    awaited: dict[str | None, Topup] = {}
    if references:
        found = await unit.rows(store.TOPUPS_BY_REFERENCE_FOR_UPDATE, unit.tenant_id, references)
        awaited = {topup.settlement_reference: topup for topup in found}

    paid: dict[UUID, Topup] = {}
    for line in lines:
        topup = awaited.get(named[line.id])
        if topup is not None and rules.settles(line, topup):
            paid[line.id] = topup
            del awaited[named[line.id]]  # a second wire for the same top-up pays nothing

    on = unit.now.date()
    await post(unit, [_journal(line, paid.get(line.id), on) for line in lines])
    if paid:
        await service.move_topups(unit, list(paid.values()), "settle")
    await save(unit, store.MOVE_LINES, *[_booked(unit, line, paid.get(line.id)) for line in lines])


async def set_line_apart(unit: Unit, line_id: UUID) -> None:
    """A bank line that cannot be matched pays nothing; its money is kept in suspense. Writes: bank_lines, ledger."""
    line = await unit.row(store.RECEIVED_FOR_UPDATE, unit.tenant_id, line_id)
    if line is not None:
        await post(unit, [_journal(line, None, unit.now.date())])
        await save(unit, store.MOVE_LINES, _booked(unit, line, None))


def _booked(unit: Unit, line: BankLine, topup: Topup | None) -> store.BookedLine:
    status = rules.BANK_LINE.move("RECEIVED", "set apart" if topup is None else "match")
    return store.BookedLine(line.id, cast(LineStatus, status), None if topup is None else topup.id, unit.now)


def _journal(line: BankLine, topup: Topup | None, on: date) -> posting_rules.Journal:
    if topup is None:
        return posting_rules.payment_unmatched(line.id, line.currency, line.amount, on)
    return posting_rules.topup_settled(topup.id, topup.currency, topup.cash_amount, on)


SWEEPS: list[Sweep] = [Sweep("payments.match", claim_lines, match_lines, store.NEXT_LINE, Phase.MONEY)]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "payments.match",
        "bank line",
        "bank_lines t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'RECEIVED'",
        set_line_apart,
    )
]
