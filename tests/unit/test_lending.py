"""Connections are lent one at a time: never a second one of a pool to whoever holds one, and none after the limit."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from openvest.db.faults import DatabaseDown, TooBusy
from openvest.db.lending import Lender, SecondConnection, apart
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.main import Assembled
from tests.kit.cluster import Cluster
from tests.kit.world import make_tenant, opened
from tests.repeat.life import FROZEN_AT

pytestmark = pytest.mark.anyio

PID = Query(int, "select pg_backend_pid()")
LOCK = "select pg_advisory_lock(hashtextextended('drain:' || $1::uuid::text, 0))"
SESSIONS = """
select pid from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()
   and database = (select oid from pg_database where datname = current_database())
"""


async def test_who_holds_a_connection_is_lent_no_second_one(database: Database, tenant_id: UUID) -> None:
    async def write(_: Unit) -> None:
        await database.ask(PID)

    with pytest.raises(SecondConnection):
        await database.write(tenant_id, write, n=0)
    with pytest.raises(SecondConnection):
        await database.read(tenant_id, write)


async def test_nor_is_a_task_that_it_may_wait_for(database: Database, tenant_id: UUID) -> None:
    async def read(_: Unit) -> None:
        await asyncio.gather(database.ask(PID), database.ask(PID))

    with pytest.raises(SecondConnection):
        await database.read(tenant_id, read)


async def test_what_nobody_waits_for_is_lent_one_of_its_own(database: Database, tenant_id: UUID) -> None:
    pids: list[int] = []
    begun: list[asyncio.Task[None]] = []

    async def look() -> None:
        pids.extend(await database.ask(PID))

    async def read(unit: Unit) -> int:
        begun.append(apart(look()))
        return await unit.one(PID)

    pids.append(await database.read(tenant_id, read))
    await begun[0]
    assert len(set(pids)) == 2


async def test_every_unit_below_a_reservation_runs_on_its_connection(database: Database, tenant_id: UUID) -> None:
    async with database.reserved() as connection:
        held = await connection.fetchval(PID.sql)
        units = [await database.read(tenant_id, lambda unit: unit.one(PID)) for _ in range(3)]
        assert {held, *units, *await database.ask(PID)} == {held}
        with pytest.raises(SecondConnection):
            await asyncio.create_task(database.ask(PID))
        with pytest.raises(SecondConnection):
            async with database.reserved():
                pass
    assert len(await asyncio.gather(database.ask(PID), database.ask(PID))) == 2


async def test_who_finds_no_connection_is_told_so_in_time(cluster: Cluster) -> None:
    name = await cluster.create()
    try:
        async with opened(cluster, name, pool_size=1) as world:
            lender = Lender(world.database.pool, acquire_seconds=0.1)
            async with world.database.pool.acquire():
                with pytest.raises(TooBusy):
                    await lender.borrow()
            loan = await lender.borrow()
            assert await loan.connection.fetchval("select 1") == 1
            await lender.give_back(loan, broken_off=False)
    finally:
        await cluster.drop(name)


async def test_half_of_a_pool_is_left_to_single_units(database: Database) -> None:
    let_go = asyncio.Event()

    async def reserve() -> None:
        async with database.reserved():
            await let_go.wait()

    reserving = [asyncio.create_task(reserve()) for _ in range(12)]
    async with asyncio.timeout(5):
        await asyncio.gather(*(database.ask(PID) for _ in range(20)))
    let_go.set()
    await asyncio.gather(*reserving)


async def test_twelve_frozen_tenants_at_once_are_served_by_a_pool_of_two(cluster: Cluster) -> None:
    """Whoever held a lock on one connection and asked for another one would wait for ever here."""
    name = await cluster.create()
    try:
        async with opened(cluster, name, pool_size=2) as world:
            ids = [await make_tenant(world.database, f"F{n}", frozen_at=FROZEN_AT) for n in range(12)]
            async with asyncio.timeout(20):
                await asyncio.gather(*(world.runner.drain(tenant_id) for tenant_id in ids for _ in range(3)))
    finally:
        await cluster.drop(name)


async def test_a_turn_that_another_process_has_is_waited_for_with_nothing_in_hand(
    assembled: Assembled, frozen_tenant_id: UUID
) -> None:
    assembled.runner.turn_seconds = 0.4
    pool = assembled.database.pool
    async with pool.acquire() as other:
        await other.execute(LOCK, frozen_tenant_id)
        waiting = [asyncio.create_task(assembled.runner.drain(frozen_tenant_id)) for _ in range(15)]
        await asyncio.sleep(0.1)
        assert pool.get_size() - pool.get_idle_size() <= 2
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {TooBusy}
        await other.execute("select pg_advisory_unlock_all()")
    await assembled.runner.drain(frozen_tenant_id)


async def test_a_lost_lock_ends_what_was_done_under_it(
    assembled: Assembled, frozen_tenant_id: UUID, cluster: Cluster
) -> None:
    """The session that has the lock is the one that commits, so nothing is committed without it."""

    async def name_of(unit: Unit) -> str:
        return await unit.one(Query(str, "select current_database()::text"))

    superuser = await asyncpg.connect(cluster.dsn(await assembled.database.read(frozen_tenant_id, name_of), "postgres"))
    try:
        with pytest.raises(DatabaseDown):
            async with assembled.runner.alone(frozen_tenant_id):
                (held,) = [row["pid"] for row in await superuser.fetch(SESSIONS)]
                await superuser.fetchval("select pg_terminate_backend($1, 5000)", held)
                await assembled.runner.drain_alone(frozen_tenant_id)
        await assembled.runner.drain(frozen_tenant_id)
        assert await superuser.fetch(SESSIONS) == []
    finally:
        await superuser.close()
