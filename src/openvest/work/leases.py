"""Statements of rows that wait for an answer from outside: leased, asked about without a transaction, then decided.

A table of such rows has `status`, `held`, `lease_token`, `leased_until` and `created_at`. A row that is held is asked
about no more; what is in `dead_letters` is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, Protocol, TypeVar
from uuid import UUID

from openvest.core.ids import random_id
from openvest.db.query import Query, Statement
from openvest.db.rows import columns
from openvest.db.unit import Unit


class Leased(Protocol):
    """A leased row: what is asked about it, and the lease."""

    @property
    def id(self) -> UUID: ...

    @property
    def created_at(self) -> datetime: ...

    @property
    def lease_token(self) -> UUID: ...


L = TypeVar("L", bound=Leased)


def leasing(
    table: LiteralString, row: type[L], *, sweep: LiteralString, waiting: LiteralString
) -> tuple[Query[datetime], Query[L], Statement]:
    """When rows in the status `waiting` are due, what leases them (`lease`), and what holds those with these ids.

    Why a leased row is due: it still waits, else a clock would pass over one whose process died. A lease is respected
    only where several runners work side by side: a frozen tenant has one ($4), and what it finds leased is of a dead
    one.
    """
    waits = f"""
      w.tenant_id = $1 and w.status = '{waiting}' and not w.held
      and not exists (select from dead_letters a where a.tenant_id = $1 and a.sweep = '{sweep}' and a.row_id = w.id)
    """
    due = Query(datetime, f"select $2::timestamptz where exists (select from {table} w where {waits})")
    lease = Query(
        row,
        f"update {table} set lease_token = $2, leased_until = wire_now() + interval '60 seconds'"
        f" where tenant_id = $1 and id in (select w.id from {table} w where {waits}"
        " and (w.leased_until is null or w.leased_until < wire_now() or $4)"
        f" order by w.created_at, w.id limit $3 for update skip locked) returning {columns(row)}",
    )
    hold = Statement(
        f"update {table} set held = true, lease_token = null, leased_until = null"
        " where tenant_id = $1 and id = any($2::uuid[])"
    )
    return due, lease, hold


async def lease(unit: Unit, query: Query[L], limit: int) -> Sequence[L]:
    """Lease rows that are due, in the order in which they came.

    Why a token at random even on a frozen clock: it guards, it is never shown or stored for good.
    """
    rows = await unit.rows(query, unit.tenant_id, random_id(unit.now), limit, unit.frozen)
    return sorted(rows, key=lambda row: (row.created_at, row.id))
