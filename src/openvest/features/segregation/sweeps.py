"""The daily true-up: at the close of a business day the house's money makes up what the customers' lacks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Sweep, WorkKept
from openvest.features.segregation import rules, service, store
from openvest.features.segregation.model import Segregation
from openvest.ledger.posting import post


async def _claim(unit: Unit, limit: int) -> Sequence[Segregation]:
    """The tenant's, where a day has closed on which something was booked. Writes: segregations (the first time)."""
    await unit.run(store.MAKE, unit.tenant_id)
    return await unit.rows(store.CLAIM, unit.tenant_id, unit.now)


async def _book(unit: Unit, rows: Sequence[Segregation]) -> None:
    """Make up the differences of the day that has closed; at the close of a day that is none, wait for the next.

    Writes: segregations, the ledger (SEGREGATION).
    """
    day = rules.closed_day(unit.now)
    following = rules.next_close(day)
    if not rules.is_business_day(day):
        await unit.run(store.PUT_OFF, unit.tenant_id, following)
        return
    await post(unit, rules.journals(await service.requirements(unit), day))
    await unit.run(store.DONE, unit.tenant_id, following, day, unit.now)


async def _keep(unit: Unit, row_id: UUID) -> None:
    raise WorkKept("client money may not be at the bank in full; repair the cause and retry it")


SWEEPS = [Sweep("segregation.book", _claim, _book, store.NEXT_CLOSE, Phase.BOOKS, writes_events=False)]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "segregation.book",
        "segregation of client money",
        "segregations t where t.tenant_id = $1 and t.tenant_id = a.row_id",
        _keep,
    )
]
