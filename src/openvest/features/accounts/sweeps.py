"""The work that is due about accounts: closing what is empty; and what follows from changes of users."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.core.snapshots import Emitted
from openvest.db.unit import Unit
from openvest.declarations import ClosingBlocker, DeadLetterKind, Outbound, Phase, Reaction, Sweep
from openvest.features.accounts import service, store
from openvest.features.accounts.model import Account, AccountGroup


def close_accounts(closing_blockers: Sequence[ClosingBlocker]) -> Sweep:
    """Closing accounts that have nothing left. `closing_blockers` are what features above may have under way for
    them."""
    closing = store.closing_accounts(closing_blockers)

    async def claim(unit: Unit, limit: int) -> Sequence[Account]:
        claimed = await unit.rows(closing.claim, unit.tenant_id, limit)
        ids = [account.id for account in claimed]
        still = set(await unit.rows(closing.still, unit.tenant_id, ids)) if ids else set[UUID]()
        return [account for account in claimed if account.id in still]

    return Sweep("accounts.close", claim, service.finish_closing_accounts, closing.due, Phase.ACCOUNTS)


async def claim_groups(unit: Unit, limit: int) -> Sequence[AccountGroup]:
    claimed = await unit.rows(store.CLAIM_GROUPS, unit.tenant_id, limit)
    ids = [group.id for group in claimed]
    still = set(await unit.rows(store.EMPTY_GROUPS, unit.tenant_id, ids)) if ids else set[UUID]()
    return [group for group in claimed if group.id in still]


async def activate(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users became ACTIVE: so does what waited for them."""
    await service.activate_pending(unit, _ids(events))


async def finish_offboardings(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users are leaving: those without an open group have left."""
    await service.finish_offboardings(unit, _ids(events))


def _ids(events: Sequence[Emitted]) -> list[UUID]:
    return sorted({event.object_id for event in events})


SWEEPS: list[Sweep | Outbound] = [
    Sweep("accounts.close_groups", claim_groups, service.finish_closing_groups, store.GROUPS_DUE, Phase.ACCOUNTS),
]

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
