"""Work of virtual cash that is due: increases are booked, decreases as soon as their money is there."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Sweep
from openvest.features.accounts import service as accounts
from openvest.features.virtual_cash import rules, service, store
from openvest.features.virtual_cash.model import Decrease, Increase
from openvest.ledger import posting_rules
from openvest.ledger.posting import post


async def claim_increases(unit: Unit, limit: int) -> list[Increase]:
    """Increases that are not booked, locked."""
    return await unit.rows(store.CLAIM_INCREASES, unit.tenant_id, limit)


async def book_increases(unit: Unit, increases: Sequence[Increase]) -> None:
    """Credit these groups, but for those that are not active any more. Writes: as `move_increases`."""
    groups = await accounts.account_groups_for_share(unit, [increase.account_group_id for increase in increases])
    verbs = [rules.increase_when_due(groups[increase.account_group_id].status) for increase in increases]
    await service.move_increases(unit, list(zip(increases, verbs, strict=True)))


async def end_increase(unit: Unit, increase_id: UUID) -> None:
    """An increase that cannot be booked is cancelled. Writes: virtual_cash_increases."""
    increase = await unit.row(store.ISSUED_INCREASE_FOR_UPDATE, unit.tenant_id, increase_id)
    if increase is not None:
        await service.move_increases(unit, [(increase, "cancel")])


async def claim_decreases(unit: Unit, limit: int) -> list[Decrease]:
    """Decreases that were just issued, and those whose money has come, locked; the oldest first."""
    return await unit.rows(store.CLAIM_DECREASES, unit.tenant_id, limit)


async def decide_decreases(unit: Unit, decreases: Sequence[Decrease]) -> None:
    """Book those whose money is there, the oldest first; the others wait. Writes: as `move_decreases`."""
    groups = await accounts.account_groups_for_share(unit, [decrease.account_group_id for decrease in decreases])
    status_of = {decrease.id: groups[decrease.account_group_id].status for decrease in decreases}
    short = [one for one in decreases if not one.set_apart and status_of[one.id] in rules.GIVES]
    posted = await post(unit, [_reservation(unit, decrease) for decrease in short], refuse="each")
    there = {one.id for one in decreases if one.set_apart}
    there |= {one.journal.object_id for one in posted if one.refused is None}
    decided = [
        (decrease, rules.decrease_when_due(decrease, status_of[decrease.id], money_is_there=decrease.id in there))
        for decrease in decreases
    ]
    await service.move_decreases(unit, [(decrease, verb) for decrease, verb in decided if verb is not None])


def _reservation(unit: Unit, decrease: Decrease) -> posting_rules.Journal:
    group_id, on = decrease.account_group_id, unit.now.date()
    return posting_rules.reserve_decrease(decrease.id, group_id, decrease.currency, decrease.amount, on)


async def end_decrease(unit: Unit, decrease_id: UUID) -> None:
    """A decrease that cannot be decided is cancelled, and its money free. Writes: as `move_decreases`."""
    decrease = await unit.row(store.OPEN_DECREASE_FOR_UPDATE, unit.tenant_id, decrease_id)
    if decrease is not None:
        await service.move_decreases(unit, [(decrease, "cancel")])


SWEEPS: list[Sweep] = [
    Sweep("virtual_cash.increase", claim_increases, book_increases, store.NEXT_INCREASE, Phase.MONEY),
    Sweep("virtual_cash.decrease", claim_decreases, decide_decreases, store.NEXT_DECREASE, Phase.MONEY),
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "virtual_cash.increase",
        "virtual cash increase",
        "virtual_cash_increases t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'ISSUED'",
        end_increase,
    ),
    DeadLetterKind(
        "virtual_cash.decrease",
        "virtual cash decrease",
        "virtual_cash_decreases t where t.tenant_id = $1 and t.id = a.row_id and t.status in ('ISSUED', 'QUEUED')",
        end_decrease,
    ),
]
