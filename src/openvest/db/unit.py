"""The unit of work: one transaction, one tenant, one *now*; and the database that opens it.

Every write of this system happens inside `Database.write`. The transaction is committed before the caller gets the
result, so before any answer leaves. A unit that raises, or that was abandoned, leaves nothing behind.

Source: DOMAIN.md sections 2 to 4, PHYSICAL_DESIGN.md "Order of writes".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import asyncpg

from openvest.core.clock import monotonic_ns
from openvest.core.failpoints import failpoint
from openvest.core.ids import IdSource, deterministic_id, random_id
from openvest.core.sealing import Secrets
from openvest.core.snapshots import Emitted, parsed, text_of
from openvest.db.closing import refuse_closed
from openvest.db.connections import commit, roll_back
from openvest.db.faults import AGAIN, DOWN, DatabaseDown, TooBusy, is_misuse
from openvest.db.lending import Lender
from openvest.db.opening import KeysWanted, Opened, look
from openvest.db.query import Query, Statement, plain_array, text_array, together

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

R = TypeVar("R")
T = TypeVar("T")
Hook = Callable[["Unit"], Awaitable[None]]

MICROSECOND = timedelta(microseconds=1)
RETRIES = 3
DRAINS_SECONDS = 30.0
"""How long a write goes on bringing its frozen tenant to rest while others disturb it time and again."""
_BEFORE_EVENTS, _BEFORE_HOUSE = failpoint("unit.before_events"), failpoint("unit.before_house")
_BEFORE_COMMIT, _AFTER_COMMIT = failpoint("unit.before_commit"), failpoint("unit.after_commit")

# A SELECT over its parts, each a statement of its own: a distributed database takes an INSERT beside another only so.
_EVENTS = """
with s as (insert into event_sets (tenant_id, events) values ($1, $2) returning id),
written as (
  insert into events (tenant_id, set_id, n, id, type, object_id, object_version, created_at, snapshot)
  select o.tenant_id, s.id, t.n, t.id, t.type, t.object_id, t.object_version, t.created_at, t.snapshot::jsonb
    from s cross join tenants o
   cross join unnest($3::text::uuid[], $4::text::text[], $5::text::uuid[], $6::text::integer[],
                     $7::timestamptz[], $8::text[])
         with ordinality as t(id, type, object_id, object_version, created_at, snapshot, n)
   where o.tenant_id = $1)
select id from s
"""


class MustDrain(Exception):
    """A frozen tenant has work that is due before the next write may open its unit."""


@dataclass(slots=True)
class _Row:
    """An event on its way into the database."""

    type: str
    object_id: UUID
    version: int
    at: datetime
    text: str

    def told(self) -> Emitted:
        return Emitted(self.type, self.object_id, parsed(self.text))


@dataclass(slots=True)
class Unit:
    """One transaction of one tenant. Features talk to the database through it and nothing else."""

    tenant_id: UUID
    now: datetime
    ids: IdSource
    frozen: bool
    database: Database
    connection: Connection
    opened: Opened
    write_number: int = 0
    abandoned: bool = False
    notes: dict[Any, Any] = field(default_factory=dict[Any, Any])
    _events: list[_Row] = field(default_factory=list[_Row])
    _late: list[tuple[Statement, tuple[Any, ...]]] = field(default_factory=list[tuple[Statement, tuple[Any, ...]]])

    async def rows(self, query: Query[R], *args: Any) -> list[R]:
        """All rows, as the query's row type, in the statement's order."""
        return await _fetch(self.connection, query, args)

    async def row(self, query: Query[R], *args: Any) -> R | None:
        """The first row, or None."""
        record = await self.connection.fetchrow(query.sql, *args)
        if record is None:
            return None
        return query.row(*record) if hasattr(query.row, "__dataclass_fields__") else cast(R, record[0])

    async def known(self, refusal: Exception, query: Query[R], *args: Any) -> R:
        """The first row. Raises: `refusal` where there is none."""
        found = await self.row(query, *args)
        if found is None:
            raise refusal
        return found

    async def one(self, query: Query[R], *args: Any) -> R:
        """The row that must be there. Raises: LookupError, which is a fault of ours."""
        found = await self.row(query, *args)
        if found is None:
            raise LookupError(f"no {query.row.__name__} where one must be")
        return found

    async def run(self, statement: Statement, *args: Any) -> int:
        """Execute and say how many rows were touched."""
        status = await self.connection.execute(statement.sql, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    def run_late(self, statement: Statement, *args: Any) -> None:
        """Execute at the unit's end, in one round trip with its events: for rows that nothing in this unit reads.

        Such statements see nothing of each other, and begin with neither `with` nor a comment.
        """
        self._late.append((statement, args))

    def moment_after(self, last: datetime | None, item: int = 0) -> datetime:
        """When this change of an object happened: now, but after the object's last change.

        `item` is the position in a flush: on a frozen clock request i is dated now + i microseconds.
        """
        now = self.now + item * MICROSECOND if self.frozen else self.now
        return now if last is None else max(now, last + MICROSECOND)

    def ids_for(self, cause: str) -> IdSource:
        """The ids of one item of a flush, counted under its own cause: they do not depend on who shared the flush."""
        return self.note(("ids", cause), lambda: self.ids.under(cause))

    def emit(self, event_type: str, object_id: UUID, version: int, at: datetime, thing: Any) -> None:
        """Append an event that keeps this domain object, or its snapshot, as it is now.

        `version` is the object's own, counted from 1; one event per object, version and type.
        """
        self._events.append(_Row(event_type, object_id, version, at, text_of(thing)))

    def emitted(self, event_type: str, first: int, end: int) -> list[Emitted]:
        """The events of this type among those from the place `first` on and before `end`."""
        return [row.told() for row in self._events[first:end] if row.type == event_type]

    @property
    def event_count(self) -> int:
        return len(self._events)

    def note(self, key: Any, make: Callable[[], T]) -> T:
        """Something a module keeps for the life of this unit, made at first use."""
        if key not in self.notes:
            self.notes[key] = make()
        return cast(T, self.notes[key])

    @property
    def secrets(self) -> Secrets:
        """The master key's uses. Raises: LookupError where the process was started without one."""
        if self.database.secrets is None:
            raise LookupError("this process has no master key")
        return self.database.secrets

    def abandon(self) -> None:
        """Leave nothing of this unit behind: no rows, no tick, no number."""
        self.abandoned = True

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """A nested transaction: what raises inside is undone alone, its events and notes with its rows.

        Notes are put back by their `copy()`, so what changes in a note's depth must be copied by it.
        """
        events, late = len(self._events), len(self._late)
        notes = {key: value.copy() if hasattr(value, "copy") else value for key, value in self.notes.items()}
        await self.connection.execute("savepoint step")
        try:
            yield
        except BaseException:
            if not self.connection.is_closed():
                await self.connection.execute("rollback to savepoint step; release savepoint step")
            del self._events[events:]
            del self._late[late:]
            self.notes = notes
            raise
        await self.connection.execute("release savepoint step")

    async def close(self) -> None:
        """What belongs to every unit's end: reactions, published balances, events, then the hot rows of the house."""
        for hook in self.database.before_events:
            await hook(self)
        if self._events:
            _BEFORE_EVENTS()
            await self._write_events()
            _BEFORE_HOUSE()
        else:
            for statement, args in self._late:
                await self.run(statement, *args)
        for hook in self.database.after_events:
            await hook(self)

    async def _write_events(self) -> None:
        rows = self._events
        await self.connection.execute(
            together(tuple(statement.sql for statement, _ in self._late), _EVENTS),
            *[value for _, args in self._late for value in args],
            self.tenant_id,
            len(rows),
            plain_array(self._event_id(row) for row in rows),
            text_array([row.type for row in rows]),
            plain_array(row.object_id for row in rows),
            plain_array(row.version for row in rows),
            [row.at for row in rows],
            [row.text for row in rows],
        )

    def _event_id(self, row: _Row) -> UUID:
        if self.ids.root is None:
            return random_id(row.at)
        return deterministic_id(*self.ids.root, "event", row.type, row.object_id, row.version)


async def _nothing(_: UUID) -> None:
    raise RuntimeError("a frozen tenant needs a drain; the composition root hands it in")


@dataclass(slots=True)
class Database:
    """The pool and everything a unit needs at its end. Made once, by the composition root.

    At the end of each unit that writes `before_events` may emit more (reactions, one event per touched balance or
    position) and `after_events` write what must come last (house balances); `drain` brings a frozen tenant to rest;
    `committed` is told after each commit that wrote events.
    """

    pool: Pool
    seed: str = "openvest"
    secrets: Secrets | None = None
    before_events: Sequence[Hook] = ()
    after_events: Sequence[Hook] = ()
    prices: Any = None
    """The port that answers prices in process (`ports.prices.Prices`); None: imported prices alone."""
    drain: Callable[[UUID], Awaitable[None]] = _nothing
    committed: Callable[[UUID], None] = lambda _: None
    remembered: dict[Any, Any] = field(default_factory=dict[Any, Any])
    """What this process keeps of what never changes, or of what a unit can tell to be as it was."""
    _lender: Lender = field(init=False)

    def __post_init__(self) -> None:
        self._lender = Lender(self.pool)

    async def write(
        self,
        tenant_id: UUID,
        work: Callable[[Unit], Awaitable[T]],
        *,
        n: int = 1,
        cause: str | None = None,
        draining: bool = False,
        drains: bool = True,
        of_closed: bool = False,
        keys: KeysWanted | None = None,
    ) -> T:
        """Run work in a unit that writes, commit, then return its result.

        `n` items tick a frozen clock; 0 for writes that write no events (tokens, subscriptions). `cause` names the
        keyed request for caused ids; None: the number of the business write. Deadlocks are retried up to three times;
        work must therefore be repeatable. `drains` False: whoever asks brings a frozen tenant to rest, and not while it
        keeps others waiting. `of_closed`: what a closed tenant may still write, since it never leaves with it (tokens).
        `keys` are locked and looked up as the unit opens.
        Raises: TenantClosed, DatabaseDown, MustDrain, one of AGAIN, and what work and the drain raise.
        """

        async def open_on(connection: Connection) -> Unit:
            return await self._open(connection, tenant_id, n, cause, draining, of_closed, keys)

        left, since = RETRIES, monotonic_ns()
        while True:
            try:
                return await self._write_once(tenant_id, work, open_on)
            except MustDrain as error:
                if not drains:
                    raise
                if monotonic_ns() - since > DRAINS_SECONDS * 1_000_000_000:
                    raise TooBusy(f"others came first for {DRAINS_SECONDS:g} s") from error
                await self.drain(tenant_id)
            except AGAIN:
                if left == 0:
                    raise
                left -= 1

    async def _write_once(
        self, tenant_id: UUID, work: Callable[[Unit], Awaitable[T]], open_on: Callable[[Connection], Awaitable[Unit]]
    ) -> T:
        async with self.connection() as connection:
            await connection.execute("begin")
            try:
                unit = await open_on(connection)
                result = await work(unit)
                if not unit.abandoned:
                    await unit.close()
            except BaseException:
                await roll_back(connection)
                raise
            if unit.abandoned:
                await roll_back(connection)
                return result
            _BEFORE_COMMIT()
            await commit(connection)
            _AFTER_COMMIT()
        if unit.event_count:
            self.committed(tenant_id)
        return result

    async def read(self, tenant_id: UUID, work: Callable[[Unit], Awaitable[T]], *, one_snapshot: bool = False) -> T:
        """Run work in a unit that only reads. Raises: DatabaseDown, and what work raises.

        `one_snapshot`: all its statements see the same instant of the database, as proofs need it.
        """
        begin = "begin isolation level repeatable read read only" if one_snapshot else "begin read only"
        async with self.connection() as connection:
            await connection.execute(begin)
            try:
                result = await work(await self._open(connection, tenant_id, 0, None, False, True, None))
            finally:
                await roll_back(connection)
            return result

    async def _open(
        self,
        connection: Connection,
        tenant_id: UUID,
        n: int,
        cause: str | None,
        draining: bool,
        of_closed: bool,
        keys: KeysWanted | None,
    ) -> Unit:
        seen = await look(connection, tenant_id, n, draining=draining, wanted=keys)
        if seen.closed_at is not None and not of_closed:
            raise refuse_closed(seen.tenant_name, seen.closed_at)
        if seen.dirty and n > 0:
            raise MustDrain
        root = (self.seed, seen.tenant_name) if seen.frozen else None
        ids = IdSource(seen.now, root, cause if cause is not None else f"write {seen.write_number}")
        return Unit(tenant_id, seen.now, ids, seen.frozen, self, connection, seen, seen.write_number)

    async def ask(self, query: Query[R], *args: Any) -> list[R]:
        """Rows outside any unit, for the functions that need no tenant. Raises: DatabaseDown."""
        async with self.connection() as connection:
            return await _fetch(connection, query, args)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """A connection outside any unit, for the wire's own functions. Raises: DatabaseDown."""
        try:
            loan, broken_off = await self._lender.borrow(), True
            try:
                yield loan.connection
                broken_off = False
            finally:
                await self._lender.give_back(loan, broken_off=broken_off)
        except DOWN as error:
            if is_misuse(error):
                raise
            raise DatabaseDown(str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def reserved(self) -> AsyncGenerator[Connection]:
        """A connection on which every unit below runs, so that what its session holds is held by them. Raises:
        DatabaseDown."""
        try:
            async with self._lender.reserve() as connection:
                yield connection
        except DOWN as error:
            if not is_misuse(error):
                raise DatabaseDown(str(error) or type(error).__name__) from error
            raise


async def _fetch(connection: Connection, query: Query[R], args: Sequence[Any]) -> list[R]:
    found = await connection.fetch(query.sql, *args)
    make = query.row
    if hasattr(make, "__dataclass_fields__"):
        return [make(*record) for record in found]
    return cast("list[R]", found) if make is tuple else [cast(R, record[0]) for record in found]
