"""What was set aside: kept, seen, freed and dropped.

A row is set aside when it cannot be decided by a fault of its own; its sweep leaves it out until somebody has looked.
While its object is still open that is a finding of the proof, whatever else the books say.

Source: DOMAIN.md section 5; docs/glossary.md "dead letter".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from openvest.db.faults import is_passing
from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit
from openvest.declarations import AuditQuery, DeadLetterKind

_LONGEST_TEXT = 2_000

_ADD_DEAD_LETTER = Statement(
    "insert into dead_letters (tenant_id, sweep, row_id, error, created_at)"
    " values ($1, $2, $3, $4, $5) on conflict do nothing"
)
_FREE = Statement("delete from dead_letters where tenant_id = $1 and sweep = $2 and row_id = $3")
_DROP = Statement(
    "update dead_letters set dropped_at = $4, dropped_by = $5"
    " where tenant_id = $1 and sweep = $2 and row_id = $3 and dropped_at is null"
)


_LAW: LiteralString = """
select a.sweep, a.row_id, a.created_at from dead_letters a where a.tenant_id = $1 and a.dropped_at is null and {is_open}
"""
_LISTING: LiteralString = """
select a.sweep, a.row_id, a.error, a.created_at, a.dropped_at, a.dropped_by, {is_open} as is_open
  from dead_letters a where a.tenant_id = $1 order by a.created_at, a.sweep, a.row_id
"""
_FORGETTING: LiteralString = """
delete from dead_letters a where a.tenant_id = $1 and a.dropped_at is null and not {is_open}
"""
_WHEN: LiteralString = " when '{sweep}' then exists (select from {open})"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row. `is_open`: its object is still undone; one that went another way leaves a row without a meaning."""

    sweep: str
    row_id: UUID
    error: str
    created_at: datetime
    dropped_at: datetime | None
    dropped_by: str | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much of one work waits for somebody, in the whole installation, and since when."""

    sweep: str
    waiting: int
    since: datetime


_HIDDEN = Query(Waiting, "select sweep, waiting, since from hidden_work() order by sweep")


def text_of(error: BaseException) -> str:
    """What is kept of an exception: its first line only, since what follows may quote the row."""
    text = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:_LONGEST_TEXT]


async def add_dead_letter(
    unit: Unit, work: str, kind: DeadLetterKind | None, row_id: UUID, error: BaseException
) -> None:
    """Take a row out of its sweep, and tell who waits for an answer. Writes: dead_letters, and what telling writes.

    Why telling may fail: what cannot be decided can be in no state to be told of either.
    """
    await unit.run(_ADD_DEAD_LETTER, unit.tenant_id, work, row_id, text_of(error), unit.now)
    if kind is not None and kind.told is not None:
        try:
            async with unit.savepoint():
                await kind.told(unit, row_id)
        except Exception as failed:
            if is_passing(failed):
                raise


async def list_dead_letters(unit: Unit, listing: Query[DeadLetter]) -> list[DeadLetter]:
    """All that was set aside of this tenant, oldest first. `listing` is of `listing_of`."""
    return await unit.rows(listing, unit.tenant_id)


async def retry(unit: Unit, kind: DeadLetterKind | None, row: DeadLetter) -> None:
    """Let the sweep take the row again. Raises: WorkKept. Writes: dead_letters, and what `again` writes."""
    if kind is not None and kind.again is not None and row.is_open:
        await kind.again(unit, row.row_id)
    await unit.run(_FREE, unit.tenant_id, row.sweep, row.row_id)


async def drop(unit: Unit, kind: DeadLetterKind | None, row: DeadLetter, by: str) -> None:
    """End the row's work for good. Raises: WorkKept. Writes: dead_letters, and what its feature writes."""
    if kind is not None and kind.drop is not None and row.is_open:
        await kind.drop(unit, row.row_id)
    await unit.run(_DROP, unit.tenant_id, row.sweep, row.row_id, unit.now, by)


async def hidden_work(database: Database) -> list[Waiting]:
    """What waits for somebody, of all tenants. Raises: DatabaseDown."""
    return await database.ask(_HIDDEN)


async def forget_over(unit: Unit, statement: Statement) -> int:
    """Remove what has no meaning any more, since its object went another way. `statement` is of `forgetting_of`."""
    return await unit.run(statement, unit.tenant_id)


def by_sweep(kinds: Sequence[DeadLetterKind]) -> Mapping[str, DeadLetterKind]:
    """By the name under which rows are set aside."""
    return {kind.sweep: kind for kind in kinds}


def invariant_of(kinds: Sequence[DeadLetterKind]) -> AuditQuery:
    """The law that no open work is hidden. What nobody declares counts as open."""
    return AuditQuery(
        "no_open_work_is_hidden",
        "Nothing that is still undone was set aside without somebody having decided about it.",
        _LAW.replace("{is_open}", _is_open(kinds)),
    )


def listing_of(kinds: Sequence[DeadLetterKind]) -> Query[DeadLetter]:
    """The query behind `openvest work list`."""
    return Query(DeadLetter, _LISTING.replace("{is_open}", _is_open(kinds)))


def forgetting_of(kinds: Sequence[DeadLetterKind]) -> Statement:
    """The statement behind `forget_over`."""
    return Statement(_FORGETTING.replace("{is_open}", _is_open(kinds)))


def _is_open(kinds: Sequence[DeadLetterKind]) -> LiteralString:
    text: LiteralString = "case a.sweep"
    for kind in kinds:
        text += _WHEN.replace("{open}", kind.open).replace("{sweep}", kind.sweep)
    return text + " else true end"
