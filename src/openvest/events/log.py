"""Reading the sequence: numbered events after a position, in order.

A reader never asks for `id > last_seen` on an identity; it asks for numbers, which are gapless and final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.db.query import Query
from openvest.db.unit import Unit


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One numbered event. `snapshot` is the domain snapshot; a contract's object is made from it by its mapper."""

    sequence: int
    id: UUID
    type: str
    object_id: UUID
    object_version: int
    created_at: datetime
    snapshot: Any


_AFTER = Query(
    LoggedEvent,
    """
    select s.first_number + e.n - 1 as sequence, e.id, e.type, e.object_id, e.object_version, e.created_at, e.snapshot
      from event_sets s join events e on e.tenant_id = s.tenant_id and e.set_id = s.id
     where s.tenant_id = $1 and s.first_number is not null
       and s.first_number > $2::bigint - 100000 and s.first_number + s.events > $2::bigint + 1
       and s.first_number + e.n - 1 > $2
     order by 1
     limit $3
    """,
)
_LAST = Query(int, "select coalesce((select last from event_counters where tenant_id = $1), 0)")
_OF_OBJECTS = Query(
    LoggedEvent,
    """
    select coalesce(s.first_number + e.n - 1, 0) as sequence, e.id, e.type, e.object_id, e.object_version, e.created_at,
           e.snapshot
      from events e join event_sets s on s.tenant_id = e.tenant_id and s.id = e.set_id
     where e.tenant_id = $1 and e.object_id = any($2)
     order by e.set_id, e.n
    """,
)


async def events_after(unit: Unit, after: int, limit: int) -> list[LoggedEvent]:
    """Up to `limit` events with a number above `after`, ascending and without a gap."""
    return await unit.rows(_AFTER, unit.tenant_id, after, limit)


async def last_sequence(unit: Unit) -> int:
    """The highest number given so far."""
    return await unit.one(_LAST, unit.tenant_id)


async def events_of(unit: Unit, object_ids: Sequence[UUID]) -> list[LoggedEvent]:
    """All events of these objects in the order they were written; sequence 0 where the sequencer has not come by."""
    return await unit.rows(_OF_OBJECTS, unit.tenant_id, list(object_ids))
