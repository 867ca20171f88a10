"""The work that is due about accounts: closing what is empty; and what follows from changes of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from openvest.core.snapshots import Emitted
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.declarations import ClosingBlocker, DeadLetterKind, Phase, Reaction, Sweep
from openvest.features.accounts import service, store
from openvest.features.accounts.model import Account, AccountGroup

R = TypeVar("R", Account, AccountGroup)


async def _still(unit: Unit, claimed: list[R], empty: Query[UUID]) -> list[R]:
    """Those that are empty now that they are held."""
    still = set(await unit.rows(empty, unit.tenant_id, [row.id for row in claimed])) if claimed else set[UUID]()
    return [row for row in claimed if row.id in still]


def closing(closing_blockers: Sequence[ClosingBlocker]) -> Sequence[Sweep]:
    """Closing accounts and groups that have nothing left. `closing_blockers` are what features above may have under
    way for them."""
    accounts, groups = store.closing_accounts(closing_blockers), store.closing_groups(closing_blockers)

    async def claim_accounts(unit: Unit, limit: int) -> Sequence[Account]:
        return await _still(unit, await unit.rows(accounts.claim, unit.tenant_id, limit), accounts.still)

    async def claim_groups(unit: Unit, limit: int) -> Sequence[AccountGroup]:
        return await _still(unit, await unit.rows(groups.claim, unit.tenant_id, limit), groups.still)

    return (
        Sweep("accounts.close", claim_accounts, finish_closing_accounts, accounts.due, Phase.ACCOUNTS),
        Sweep("accounts.close_groups", claim_groups, finish_closing_groups, groups.due, Phase.ACCOUNTS),
    )


async def finish_closing_accounts(unit: Unit, closable: Sequence[Account]) -> None:
    """Close accounts that are locked, CLOSING and empty. Writes: accounts, ACCOUNT.CLOSED."""
    for account in closable:
        await service.move_account(unit, account, "finish closing")


async def finish_closing_groups(unit: Unit, closable: Sequence[AccountGroup]) -> None:
    """Close groups that are locked, CLOSING and empty, and let users go whose last group that was.

    Writes: account_groups, ACCOUNT_GROUP.CLOSED, users, USER.OFFBOARDED.
    """
    for group in closable:
        await service.move_group(unit, group, "finish closing")
    await service.finish_offboardings(unit, sorted({group.user_id for group in closable}))


async def activate(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users became ACTIVE: so does what waited for them."""
    await service.activate_pending(unit, _ids(events))


async def finish_offboardings(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users are leaving: those without an open group have left."""
    await service.finish_offboardings(unit, _ids(events))


def _ids(events: Sequence[Emitted]) -> list[UUID]:
    return sorted({event.object_id for event in events})


REACTIONS: list[Reaction] = [
    Reaction("USER.ACTIVATED", activate),
    Reaction("USER.OFFBOARDING_INITIATED", finish_offboardings),
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "accounts.close",
        "closing account",
        "accounts t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'CLOSING'",
    ),
    DeadLetterKind(
        "accounts.close_groups",
        "closing account group",
        "account_groups t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'CLOSING'",
    ),
]
"""What is closing and was dropped stays CLOSING: it is empty, so nothing is hidden with it."""
