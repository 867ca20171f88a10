"""Work of valuations that is due: the end of a day."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from uuid import UUID

from openvest.core.records import replace
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Sweep, WorkKept
from openvest.features.valuations import rules, service_days, store
from openvest.features.valuations.store import ValuedAccount


async def claim_accounts(unit: Unit, limit: int) -> Sequence[ValuedAccount]:
    """Accounts of the earliest day that is due, locked: what was missed is made up for day by day."""
    rows = await unit.rows(store.CLAIM, unit.tenant_id, unit.now, limit)
    return list(takewhile(lambda row: row.next_at == rows[0].next_at, rows))


async def value_accounts(unit: Unit, accounts: Sequence[ValuedAccount]) -> None:
    """Value these accounts, unless the day is none, and say when they are valued next.

    Writes: valued_accounts, valuations, account_returns, ACCOUNT_VALUATION.CREATED, ACCOUNT_RETURNS.CREATED.
    """
    at, ids = accounts[0].next_at, [account.id for account in accounts]
    if at is None:
        raise ValueError("what is never valued is not claimed")
    if rules.is_valuation_day(at.date()):
        await service_days.restate_days(unit, ids, at)
        await service_days.close_day(unit, ids, at)
    closed = set(await unit.rows(store.CLOSED, unit.tenant_id, ids))
    next_at = rules.next_close(at)
    await save(
        unit,
        store.MOVE_ACCOUNTS,
        *(replace(account, next_at=None if account.id in closed else next_at) for account in accounts),
    )


async def _keep(unit: Unit, account_id: UUID) -> None:
    raise WorkKept("its history would have a gap; repair the cause and retry it")


SWEEPS: list[Sweep] = [
    Sweep("valuations.value", claim_accounts, value_accounts, store.NEXT_DUE, Phase.BOOKS),
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "valuations.value",
        "valuation of an account",
        "valued_accounts t where t.tenant_id = $1 and t.id = a.row_id and t.next_at is not null",
        _keep,
    ),
]
