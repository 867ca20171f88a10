"""What grows old is removed: tokens, nonces, stored answers, subscriptions of a sandbox that nobody answers for. What
grows long is marked.

All of it goes by wire time. Any number of workers may do it side by side; each statement is safe alone.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from openvest.catalog import FORGET_DEAD_LETTERS, LISTS
from openvest.db.closing import TenantClosed
from openvest.db.faults import is_partly_down, is_unavailable
from openvest.db.marks import mark_lists
from openvest.db.query import Query, Statement
from openvest.db.unit import Database, DatabaseDown, Unit
from openvest.features.tenants import service as tenants
from openvest.features.webhooks import service as webhooks
from openvest.work.dead_letters import forget_over

_FORGET_CREDENTIALS = Query(int, "select 1 as done from forget_credentials()")
_FORGET_NONCES = Query(int, "select 1 as done from forget_nonces()")
# A frozen sandbox must answer a repeated key as long as it stands still, or it could not repeat itself.
_FORGET_ANSWERS = Statement(
    "delete from idempotency where tenant_id = $1 and created_at < wire_now() - interval '8 days'"
)


async def keep_house(database: Database, log: Any) -> None:
    """One round over all tenants; one that cannot be seen to now waits for the next. Raises: DatabaseDown."""
    await database.ask(_FORGET_CREDENTIALS)
    await database.ask(_FORGET_NONCES)
    for tenant in await tenants.all_tenants(database):
        try:
            await database.write(tenant.tenant_id, _forget_old, n=0)
            await database.write(tenant.tenant_id, _forget_over, n=0)
            await database.write(tenant.tenant_id, _mark_lists, n=0)
            for webhook_id in await database.write(tenant.tenant_id, _remove_failing, n=0):
                log.warning("webhook.removed", tenant=str(tenant.tenant_id), webhook=str(webhook_id))
        except TenantClosed:
            continue
        except DatabaseDown as error:
            if not is_partly_down(error):
                raise
            log.warning("work.put_off", work="house", tenant=str(tenant.tenant_id), error=error)
        except Exception as error:
            event = "work.put_off" if is_unavailable(error) else "worker.fault"
            log.warning(event, work="house", tenant=str(tenant.tenant_id), error=error)


async def _forget_old(unit: Unit) -> int:
    ended = await tenants.forget_tokens(unit)
    return ended if unit.frozen else ended + await unit.run(_FORGET_ANSWERS, unit.tenant_id)


async def _forget_over(unit: Unit) -> int:
    return await forget_over(unit, FORGET_DEAD_LETTERS)


async def _mark_lists(unit: Unit) -> None:
    await mark_lists(unit, LISTS)


async def _remove_failing(unit: Unit) -> list[UUID]:
    return await webhooks.remove_failing(unit)
