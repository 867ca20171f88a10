"""The work that is due about accounts: closing what is empty; and what follows from changes of users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from openvest.core.declarations import Emitted, Outward, Reaction, Sweep
from openvest.db.unit import Unit
from openvest.features.accounts import service, store
from openvest.features.accounts.model import Account, AccountGroup


async def claim_accounts(unit: Unit, limit: int) -> Sequence[Account]:
    return await unit.rows(store.CLAIM_ACCOUNTS, unit.tenant_id, limit)


async def accounts_due(unit: Unit) -> datetime | None:
    return unit.now if await unit.one(store.ACCOUNTS_CLOSABLE, unit.tenant_id) else None


async def claim_groups(unit: Unit, limit: int) -> Sequence[AccountGroup]:
    return await unit.rows(store.CLAIM_GROUPS, unit.tenant_id, limit)


async def groups_due(unit: Unit) -> datetime | None:
    return unit.now if await unit.one(store.GROUPS_CLOSABLE, unit.tenant_id) else None


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
