"""The sequencer: gives committed event sets their first number, gapless, in the order of their ids, per tenant.

One at a time per tenant, kept apart by an advisory lock taken inside the numbering transaction: whoever holds it reads
only committed sets, so a number is never given to a set that might still go back, and the counter row moves by exactly
what was numbered. Event rows never change; an event's sequence is its set's first_number + n - 1.

Source: DOMAIN.md section 3, PHYSICAL_DESIGN.md "Numbering".
"""

from __future__ import annotations

from uuid import UUID

from openvest.core.failpoints import failpoint
from openvest.core.records import record
from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit

SETS_AT_ONCE = 5_000


@record
class _Numbered:
    """What one turn has numbered."""

    sets: int
    events: int


_BEFORE_COMMIT, _AFTER_COMMIT = failpoint("sequencer.before_commit"), failpoint("sequencer.after_commit")

_WAITS = Query(bool, "select exists (select from event_sets where tenant_id = $1 and first_number is null)")
_LOCK = Query(bool, "select pg_try_advisory_xact_lock(hashtextextended('sequencer:' || $1::uuid::text, 0))")
_COUNTER = Statement("insert into event_counters (tenant_id, last) values ($1, 0) on conflict do nothing")
_NUMBER = Query(
    _Numbered,
    """
    with fresh as (
      select id, events from event_sets
       where tenant_id = $1 and first_number is null order by id limit $2),
    counted as (
      update event_counters set last = last + (select coalesce(sum(events), 0) from fresh)
       where tenant_id = $1 returning last),
    placed as (
      select f.id, c.last - sum(f.events) over (order by f.id desc) + 1 as first_number
        from fresh f cross join counted c),
    numbered as (
      update event_sets s set first_number = p.first_number
        from placed p where s.tenant_id = $1 and s.id = p.id
      returning s.events)
    select count(*) as sets, coalesce(sum(events), 0)::bigint as events from numbered
    """,
)
_WAITING = Query(UUID, "select tenants_to_number()")


async def number_events(database: Database, tenant_id: UUID) -> int:
    """Number what is committed and waits. Returns how many events got a number; 0 where another process is at it."""

    async def work(unit: Unit) -> _Numbered | None:
        if not await unit.one(_WAITS, tenant_id):  # which is how most turns end
            unit.abandon()
            return None
        if not await unit.one(_LOCK, tenant_id):
            unit.abandon()
            return None
        numbered = await unit.one(_NUMBER, tenant_id, SETS_AT_ONCE)
        if not numbered.sets:  # a tenant's first events: there is no counter yet
            await unit.run(_COUNTER, tenant_id)
            numbered = await unit.one(_NUMBER, tenant_id, SETS_AT_ONCE)
        _BEFORE_COMMIT()
        return numbered

    total = 0
    while (numbered := await database.write(tenant_id, work, n=0)) is not None:
        _AFTER_COMMIT()
        total += numbered.events
        if numbered.sets < SETS_AT_ONCE:
            break
    return total


async def tenants_waiting(database: Database) -> list[UUID]:
    """Tenants that have committed events without a number."""
    async with database.connection() as connection:
        return [row[0] for row in await connection.fetch(_WAITING.sql)]
