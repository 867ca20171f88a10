"""The policies hold by themselves: every statement a tenant's life sent, sent again by another tenant, finds nothing.

The first wall, the WHERE of each query, is out of the way because the statements are sent with the first tenant's id.
How the WHERE holds without policies is seen over HTTP, in `test_tenants_apart`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID, uuid4

import asyncpg
import pytest

from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit
from tests.architecture.test_queries import declared
from tests.kit.cluster import Cluster
from tests.kit.http import WIRE
from tests.kit.walls import take_down_policies
from tests.kit.world import make_tenant, opened
from tests.security.tenant_life import live

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LAW = "select to_jsonb(q)::text from"
"""How the proof of the books asks what breaks a law."""
Sent = tuple[LiteralString, tuple[Any, ...], bool]
"""A statement, its arguments, and whether it gives rows."""


@dataclass
class Recorder:
    """Keeps what units of one tenant send, a few times each statement."""

    tenant_id: UUID
    sent: dict[str, list[Sent]] = field(default_factory=dict[str, list[Sent]])

    def note(self, unit: Unit, sql: LiteralString, args: tuple[Any, ...], *, rows: bool) -> None:
        if unit.tenant_id == self.tenant_id and self.tenant_id in args:
            kept = self.sent.setdefault(sql, [])
            if len(kept) < 3:
                kept.append((sql, args, rows))

    def listen(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between units and the database."""
        rows, row, run = Unit.rows, Unit.row, Unit.run

        async def noted_rows(unit: Unit, query: Query[Any], *args: Any) -> list[Any]:
            self.note(unit, query.sql, args, rows=True)
            return await rows(unit, query, *args)

        async def noted_row(unit: Unit, query: Query[Any], *args: Any) -> Any:
            self.note(unit, query.sql, args, rows=True)
            return await row(unit, query, *args)

        async def noted_run(unit: Unit, statement: Statement, *args: Any) -> int:
            self.note(unit, statement.sql, args, rows=False)
            return await run(unit, statement, *args)

        patch.setattr(Unit, "rows", noted_rows)
        patch.setattr(Unit, "row", noted_row)
        patch.setattr(Unit, "run", noted_run)


@dataclass
class Recorded:
    """A database in which a tenant lived, what it sent, and a tenant that has nothing."""

    cluster: Cluster
    name: str
    database: Database
    owner_id: UUID
    intruder_id: UUID
    sent: Sequence[Sent]


@pytest.fixture(scope="module")
async def recorded(cluster: Cluster) -> AsyncGenerator[Recorded]:
    name = await cluster.create()
    with pytest.MonkeyPatch.context() as patch:
        async with opened(cluster, name) as world:
            owner_id = await make_tenant(world.database, "Owner", frozen_at=MONDAY)
            intruder_id = await make_tenant(world.database, "Intruder")
            recorder = Recorder(owner_id)
            recorder.listen(patch)
            await live(world, owner_id)
            patch.undo()
            sent = [one for kept in recorder.sent.values() for one in kept]
            yield Recorded(cluster, name, world.database, owner_id, intruder_id, sent)
    await cluster.drop(name)


def steady(value: Any) -> Any:
    """A value without the wall clock's progress: what is about now is only called so."""
    if isinstance(value, datetime) and abs(value.timestamp() - WIRE.now_seconds()) < 3600:
        return "about now"
    return value


async def outcome(database: Database, unit_of: UUID, sent: Sent, tenant_id: UUID, instead: UUID) -> Any:
    """What a statement comes to in a unit of one tenant, with an id in the place of another; nothing is kept."""
    sql, args, rows = sent
    args = tuple(instead if arg == tenant_id else arg for arg in args)
    async with database.connection() as connection:
        await connection.execute("begin")
        try:
            await connection.execute("select set_config('app.tenant', $1, true)", str(unit_of))
            if rows:
                # A number taken from a sequence is another one each time; it stands last.
                last = -1 if "known_journals(" in sql else None
                return [tuple(map(steady, record))[:last] for record in await connection.fetch(sql, *args)]
            return await connection.execute(sql, *args)
        except asyncpg.PostgresError as error:
            return type(error).__name__
        finally:
            await connection.execute("rollback")


async def let_through(recorded: Recorded) -> list[str]:
    """The statements by which the intruder finds something of the owner that a tenant nobody has would not have."""
    seen: list[str] = []
    owner_id, nobody = recorded.owner_id, uuid4()
    for sent in recorded.sent:
        foreign = await outcome(recorded.database, recorded.intruder_id, sent, owner_id, owner_id)
        unknown = await outcome(recorded.database, recorded.intruder_id, sent, owner_id, nobody)
        if foreign != unknown:
            seen.append(f"{sent[0]}: {foreign} instead of {unknown}")
    return seen


async def test_a_life_sends_most_of_what_there_is(recorded: Recorded) -> None:
    statements = {sql for sql, _, _ in recorded.sent}
    known = {one.sql for kind in (Query, Statement) for _, one in declared(kind) if "tenant_id" in one.sql}
    # What asks whether work is due is sent as part of one statement that asks for all works.
    sent = [sql for sql in known if sql in statements or any(f"({sql})" in whole for whole in statements)]
    assert len(sent) > 0.85 * len(known)
    verbs = {sql.split()[0].lower() for sql in statements}
    assert verbs >= {"select", "insert", "update", "delete"}


async def test_the_owner_finds_what_the_statements_ask_for(recorded: Recorded) -> None:
    """Else it would say nothing that the intruder finds nothing. Laws find nothing in books that hold."""
    owner_id, nobody = recorded.owner_id, uuid4()
    asked = [sent for sent in recorded.sent if not sent[0].startswith(LAW)]
    found = 0
    for sent in asked:
        own = await outcome(recorded.database, owner_id, sent, owner_id, owner_id)
        found += own != await outcome(recorded.database, recorded.intruder_id, sent, owner_id, nobody)
    assert found > len(asked) * 0.6


async def test_policies_hold_where_the_tenants_id_is_given_away(recorded: Recorded) -> None:
    assert await let_through(recorded) == []


async def test_without_policies_the_same_statements_find_everything(recorded: Recorded) -> None:
    """The last test: it takes the policies of this database away."""
    await take_down_policies(recorded.cluster, recorded.name)
    assert len(await let_through(recorded)) > len(recorded.sent) * 0.5
