"""Wires that settle top-ups, of what the bank told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import LineTaker
from openvest.features.bank.model import BankLine
from openvest.features.payments import rules, service, store
from openvest.features.payments.model import Topup
from openvest.ledger import posting_rules
from openvest.ledger.posting import post


async def take_wires(unit: Unit, lines: Sequence[BankLine]) -> Mapping[UUID, UUID]:
    """Settle the top-ups these lines pay. Writes: topups, the ledger."""
    lines = [line for line in lines if line.kind == "CREDIT"]
    named = {line.id: rules.named_reference(line.remittance_information) for line in lines}
    references = sorted({reference for reference in named.values() if reference is not None})
    if not references:
        return {}
    found = await unit.rows(store.TOPUPS_BY_REFERENCE_FOR_UPDATE, unit.tenant_id, references)
    awaited: dict[str | None, Topup] = {topup.settlement_reference: topup for topup in found}

    paid: list[tuple[BankLine, Topup]] = []
    for line in lines:
        topup = awaited.get(named[line.id])
        if topup is not None and rules.settles(line, topup):
            paid.append((line, topup))
            del awaited[named[line.id]]  # a second wire for the same top-up pays nothing
    if paid:
        await post(unit, [_settled(line, topup) for line, topup in paid])
        await service.move_topups(unit, [topup for _, topup in paid], "settle")
    return {line.id: topup.id for line, topup in paid}


def _settled(line: BankLine, topup: Topup) -> posting_rules.Journal:
    return posting_rules.topup_settled(topup.id, topup.currency, topup.cash_amount, line.booking_on)


TAKERS = [LineTaker("top-up", take_wires)]
