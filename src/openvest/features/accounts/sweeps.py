"""The work that is due about accounts: closing what is empty; and what follows from changes of users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import Aside, Emitted, Outward, Reaction, Sweep
from openvest.features.accounts import service, store
from openvest.features.accounts.model import Account, AccountGroup

PAGE = 500
"""So many empty accounts are looked at together for what features above have under way."""


async def _closable(unit: Unit, ids: Sequence[UUID]) -> list[UUID]:
    """Those of these accounts that have nothing and are to get nothing.

    Why in this order: what is under way ends by leaving something behind, never the other way round.
    """
    if not ids:
        return []
    held: set[UUID] = set()
    for hold in unit.database.holds:
        held |= await hold(unit, ids)
    return await unit.rows(store.EMPTY_ACCOUNTS, unit.tenant_id, [i for i in ids if i not in held])


async def _first_closable(unit: Unit, limit: int) -> list[UUID]:
    """The first closable accounts, a page of empty ones at a time: those that are held hide none behind them."""
    found: list[UUID] = []
    after: tuple[datetime | None, UUID | None] = (None, None)
    while len(found) < limit:
        page = await unit.rows(store.EMPTY_CLOSING_ACCOUNTS, unit.tenant_id, *after, PAGE)
        found += await _closable(unit, [place.id for place in page])
        if len(page) < PAGE:
            break
        after = (page[-1].updated_at, page[-1].id)
    return found[:limit]


async def claim_accounts(unit: Unit, limit: int) -> Sequence[Account]:
    closable = await _first_closable(unit, limit)
    claimed = await unit.rows(store.CLAIM_ACCOUNTS, unit.tenant_id, closable, limit) if closable else []
    still = set(await _closable(unit, [account.id for account in claimed]))
    return [account for account in claimed if account.id in still]


async def accounts_due(unit: Unit) -> datetime | None:
    return unit.now if await _first_closable(unit, 1) else None


async def claim_groups(unit: Unit, limit: int) -> Sequence[AccountGroup]:
    claimed = await unit.rows(store.CLAIM_GROUPS, unit.tenant_id, limit)
    ids = [group.id for group in claimed]
    still = set(await unit.rows(store.EMPTY_GROUPS, unit.tenant_id, ids)) if ids else set[UUID]()
    return [group for group in claimed if group.id in still]


async def groups_due(unit: Unit) -> datetime | None:
    return unit.now if await unit.one(store.GROUPS_ARE_CLOSABLE, unit.tenant_id) else None


async def activate(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users became ACTIVE: so does what waited for them."""
    await service.activate_pending(unit, _ids(events))


async def let_go(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users are leaving: those without an open group have left."""
    await service.finish_offboardings(unit, _ids(events))


def _ids(events: Sequence[Emitted]) -> list[UUID]:
    return sorted({event.object_id for event in events})


SWEEPS: list[Sweep | Outward] = [
    Sweep("close_accounts", claim_accounts, service.finish_closing_accounts, accounts_due),
    Sweep("close_account_groups", claim_groups, service.finish_closing_groups, groups_due),
]

REACTIONS: list[Reaction] = [
    Reaction("USER.ACTIVATED", activate),
    Reaction("USER.OFFBOARDING_INITIATED", let_go),
]

ASIDES = [
    Aside(
        "close_accounts",
        "closing account",
        "accounts t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'CLOSING'",
    ),
    Aside(
        "close_account_groups",
        "closing account group",
        "account_groups t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'CLOSING'",
    ),
]
"""What is closing and was dropped stays CLOSING: it is empty, so nothing is hidden with it."""
