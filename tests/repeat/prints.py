"""The fingerprint of a tenant: one SHA-256 over its log, one over its balances."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from uuid import UUID

import asyncpg

from openvest.core.clock import instant
from openvest.db.unit import Database, Unit
from openvest.events.log import LoggedEvent, events_after
from openvest.events.sequencer import number_events

CHUNK = 5_000
REST_S = 120

UNREST = """
select (select dirty or advance_to is not null from clocks where tenant_id = $1)
    or exists (select from dead_letters where tenant_id = $1)
"""
FACTS = """
select (select count(*) from orders where tenant_id = $1 and order_type <> 'MARKET' and status = 'PROCESSING')
         as resting,
       (select count(*) from orders where tenant_id = $1 and cancellation_reason = 'CANCELLED_BY_TRADING_PARTNER')
         as expired,
       (select count(*) from executions where tenant_id = $1 and status = 'SETTLED') as settled,
       (select count(*) from executions where tenant_id = $1 and status = 'FILLED') as open_settlements
"""

BALANCES = """
select owner_kind, owner_id, asset, available, locked, withdrawing, covering, blocked, due, unsettled_in, unsettled_out,
       version, created_at, updated_at
  from balances where tenant_id = $1 order by owner_id, asset
"""
HOUSE = "select asset, bucket, detail, balance from house_balances where tenant_id = $1 order by asset, bucket, detail"
LOTS = """
select account_id, instrument_id, acquired_at, id, quantity, remaining, cost, remaining_cost
  from lots where tenant_id = $1 order by account_id, instrument_id, acquired_at, id
"""


@dataclass(frozen=True)
class Print:
    """What a life left behind."""

    events: tuple[str, ...]
    balances: tuple[str, ...]
    facts: dict[str, int]

    @property
    def log(self) -> str:
        return _digest(self.events)

    @property
    def books(self) -> str:
        return _digest(self.balances)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\\n".join(lines).encode()).hexdigest()


def event_line(event: LoggedEvent) -> str:
    """An event as the fingerprint counts it; the snapshot with its keys in order."""
    facts = (
        event.sequence,
        str(event.id),
        event.type,
        str(event.object_id),
        event.object_version,
        instant(event.created_at),
        event.snapshot,
    )
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


async def read_events(database: Database, tenant_id: UUID) -> list[LoggedEvent]:
    """The whole log; what has no number yet gets it first."""
    await number_events(database, tenant_id)
    found: list[LoggedEvent] = []
    while True:
        after = found[-1].sequence if found else 0

        async def work(unit: Unit, after: int = after) -> list[LoggedEvent]:
            return await events_after(unit, after, CHUNK)

        chunk = await database.read(tenant_id, work)
        found += chunk
        if not chunk:
            return found


async def take_print(database: Database, tenant_id: UUID) -> Print:
    """The tenant's fingerprint, once whoever drains it has brought it to rest. Raises: TimeoutError."""
    async with asyncio.timeout(REST_S):
        while await _ask(database, tenant_id, UNREST):
            await asyncio.sleep(0.1)
    events = await read_events(database, tenant_id)

    async def facts(unit: Unit) -> dict[str, int]:
        record = await unit.connection.fetchrow(FACTS, tenant_id)
        assert record is not None
        return dict(record)

    async def books(unit: Unit) -> list[str]:
        lines: list[str] = []
        for sql in (BALANCES, HOUSE, LOTS):
            lines += [_row(record) for record in await unit.connection.fetch(sql, tenant_id)]
        return lines

    lines = await database.read(tenant_id, books)
    return Print(tuple(map(event_line, events)), tuple(lines), await database.read(tenant_id, facts))


async def _ask(database: Database, tenant_id: UUID, sql: str) -> Any:
    return await database.read(tenant_id, lambda unit: unit.connection.fetchval(sql, tenant_id))


def _row(record: asyncpg.Record) -> str:
    return json.dumps([str(value) for value in record.values()])


def first_difference(one: Sequence[str], other: Sequence[str]) -> str | None:
    """The first line in which two prints differ, for whoever must find out why."""
    for number, (left, right) in enumerate(zip_longest(one, other), 1):
        if left != right:
            return f"line {number}:\\n  {_short(left)}\\n  {_short(right)}"
    return None


def _short(line: Any) -> str:
    return "(none)" if line is None else line[:1_500]
