"""One look at a tenant: when each of its works is due, asked in one statement however many works there are.

Source: ARCHITECTURE.md, "Work".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from openvest.db.faults import DOWN
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import CloserLook, Outbound, Sweep

Work = Sweep | Outbound


class LookFailed(Exception):
    """Whether this work is due could not be read; the cause says why."""

    def __init__(self, work: Work) -> None:
        super().__init__(work.name)
        self.work = work


class _AllAtOnceFailed(Exception):
    """One of those that were asked together is to blame."""


@dataclass(frozen=True, slots=True)
class Due:
    """When one work is due next."""

    work: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look saw: the tenant's now, and by name the instants at which work is due."""

    now: datetime
    due: Mapping[str, datetime]

    def due_now(self, works: Sequence[Work]) -> list[Work]:
        """Those of these works that are due already, in their order."""
        return [work for work in works if work.name in self.due and self.due[work.name] <= self.now]


def question(works: Sequence[Work]) -> Query[Due]:
    """The statement that asks all of these. Its parameters are theirs: the tenant and its now."""
    parts: list[LiteralString] = [
        f"select '{work.name}' as work, t.due_at from ({work.next_due.sql}) as t(due_at)" for work in works
    ]
    # The first part says of what types the parameters are, whichever of them the others use.
    return Query(Due, "with given as (select $1::uuid, $2::timestamptz)\n" + "\nunion all\n".join(parts))


async def look(database: Database, tenant_id: UUID, works: Sequence[Work]) -> Seen:
    """When these works are due, read in one transaction. Raises: DatabaseDown; LookFailed, which blames one work.

    Why one by one in the end: a statement that fails does not say which of its parts is at fault, and the others'
    work goes on.
    """
    try:
        return await database.read(tenant_id, lambda unit: _ask(unit, works))
    except _AllAtOnceFailed as failed:
        if len(works) == 1:
            raise LookFailed(works[0]) from failed.__cause__
    seen = [await look(database, tenant_id, [work]) for work in works]
    now = seen[0].now
    # Each was asked at a now of its own. What was due by that is due; the first is the one that nothing came before.
    return Seen(now, {name: min(at, now) if at <= one.now else at for one in seen for name, at in one.due.items()})


async def _ask(unit: Unit, works: Sequence[Work]) -> Seen:
    rows: Sequence[Due] = ()
    if works:
        try:
            rows = await unit.rows(question(works), unit.tenant_id, unit.now)
        except DOWN:
            raise
        except Exception as error:
            raise _AllAtOnceFailed from error
    due = {row.work: row.due_at for row in rows}
    for work in works:
        if work.name in due and work.closer_look is not None:
            at = await _closer(unit, work, work.closer_look)
            if at is None:
                del due[work.name]
            else:
                due[work.name] = at
    return Seen(unit.now, due)


async def _closer(unit: Unit, work: Work, closer_look: CloserLook) -> datetime | None:
    try:
        return await closer_look(unit)
    except DOWN:
        raise
    except Exception as error:
        raise LookFailed(work) from error
