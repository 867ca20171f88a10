"""What is left of a tenant that does not come to rest, and who is at it: so that a wait which ends in vain explains
itself."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from openvest.db.unit import Database, Unit

AT_MOST = 5
"""Rows shown of each kind."""
_LEFT: Mapping[str, str] = {
    "orders": "select status, cancellation_reason, order_type, due_at, count(*) from orders where tenant_id = $1"
    " and status in ('NEW', 'PROCESSING') group by 1, 2, 3, 4",
    "executions": "select status, count(*) from executions where tenant_id = $1 and status = 'FILLED' group by 1",
    "street orders": "select id, status, look_at, leased_until from street_orders"
    " where tenant_id = $1 and (look_at is not null or lease_token is not null) order by look_at",
    "reports not booked": "select id, street_order_id, kind, due_at from venue_reports"
    " where tenant_id = $1 and booked_at is null order by due_at",
    "set aside": "select sweep, row_id, error from dead_letters where tenant_id = $1 order by created_at",
    "sets without a number": "select min(id) as first, max(id) as last, count(*) from event_sets"
    " where tenant_id = $1 and first_number is null having count(*) > 0",
    "subscriptions": "select w.id, w.enabled, w.cursor_sequence, c.last, w.waiting_since, w.look_at from webhooks w"
    " join event_counters c using (tenant_id) where w.tenant_id = $1",
    "packages": "select webhook_id, first_sequence, last_sequence, attempts, next_attempt_at, leased_until,"
    " last_failure from webhook_packages where tenant_id = $1",
    "clock": "select mode, advance_to, dirty, wire_now() as wire from clocks where tenant_id = $1",
    "sessions": "select a.pid, a.application_name, a.state, a.wait_event, a.backend_start, a.xact_start,"
    " a.state_change, pg_blocking_pids(a.pid) as behind, left(a.query, 100) as query,"
    " exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory') as advisory"
    " from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid()"
    " and $1::uuid is not null and a.state <> 'idle' order by a.xact_start",
}


async def what_is_left(database: Database, tenant_id: UUID) -> str:
    """One line for each row of what waits, with leases and next tries, and for each session that is at work."""

    async def look(unit: Unit) -> list[str]:
        lines: list[str] = []
        for name, question in _LEFT.items():
            rows = await unit.connection.fetch(question, tenant_id)
            lines += [f"{name}: " + ", ".join(f"{k}={v}" for k, v in row.items()) for row in rows[:AT_MOST]]
            lines += [f"{name}: {len(rows) - AT_MOST} more"] if len(rows) > AT_MOST else []
        return lines

    return "\n".join(await database.read(tenant_id, look))
