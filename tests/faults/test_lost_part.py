"""A machine behind the database is gone: its tenants are told so, and all others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openvest import catalog
from openvest.core.clock import WireClock
from openvest.db.query import Query
from openvest.db.unit import Database, DatabaseDown
from openvest.features.tenants import service as tenants
from openvest.main import Assembled
from openvest.main.event_delivery import connect_event_delivery, make_worker
from openvest.worker.housekeeping import keep_house
from tests.kit.cluster import Cluster
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.imports import owner_of
from tests.kit.people import USER
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

NUMBERED = Query(int, "select count(*) from event_sets where tenant_id = $1 and first_number is not null")
TOKENS = Query(int, "select count(*) from access_tokens where tenant_id = $1")
# Whoever comes to a row of this tenant is answered as a distributed database answers for a node that it cannot reach.
LOSE = """
create function reached(tenant uuid) returns boolean language plpgsql stable as $$
begin
  if tenant = '{lost}' then
    raise exception 'connection to the remote node 10.0.0.2:5432 failed' using errcode = 'connection_failure';
  end if;
  return true;
end $$;
do $$
declare relation text;
begin
  for relation in select tablename from pg_policies where policyname = 'tenant' loop
    execute format('create policy lost on %I as restrictive using (reached(tenant_id))', relation);
  end loop;
end $$;
"""
FOUND = "drop function if exists reached(uuid) cascade"


@dataclass
class Logger:
    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __getattr__(self, level: str) -> Any:
        return lambda event, **fields: self.lines.append({"event": event, **fields})


@dataclass
class Halves:
    """Two tenants, each with a client; `lose` takes the machine of the first away."""

    cluster: Cluster
    assembled: Assembled
    lost: Api
    kept: Api

    @property
    def database(self) -> Database:
        return self.assembled.database

    async def run(self, sql: str) -> None:
        """Change the policies of all tables, which may meet a worker that reads several of them."""
        async with owner_of(self.cluster, self.database) as owner:
            while True:
                try:
                    await owner.execute(sql)
                    return
                except asyncpg.DeadlockDetectedError:
                    await asyncio.sleep(0.01)

    async def lose(self) -> None:
        await self.run(LOSE.format(lost=self.lost.client.tenant_id))

    async def numbered(self, tenant_id: UUID) -> int:
        return await self.database.read(tenant_id, lambda unit: unit.one(NUMBERED, tenant_id))


@pytest.fixture
async def halves(cluster: Cluster, assembled: Assembled) -> AsyncGenerator[Halves]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    apis = [
        await make_api(app, assembled.database, await make_tenant(assembled.database, name))
        for name in ("Lost", "Kept")
    ]
    for api in apis:
        await api.fetch_token()
    halves = Halves(cluster, assembled, *apis)
    yield halves
    await halves.run(FOUND)


async def test_requests_of_other_tenants_are_served(halves: Halves) -> None:
    """Also where they are admitted by one statement with those that cannot be."""
    assert (await halves.lost.get("/users")).status_code == 200
    await halves.lose()
    for _ in range(3):
        answers = await asyncio.gather(*[api.get("/users") for api in (halves.lost, halves.kept) * 4])
        assert [answer.status_code for answer in answers] == [503, 200] * 4
    assert (await halves.kept.post("/users", USER)).status_code == 200
    assert (await halves.kept.ask_token("users:read")).status_code == 200
    assert (await halves.lost.ask_token("users:read")).status_code == 503


async def test_the_worker_goes_on_for_other_tenants(halves: Halves) -> None:
    delivery = connect_event_delivery(halves.assembled, WireClock(), webhooks_to=())
    halves.database.committed = lambda _: None  # nobody announces anything, so it is found by looking
    await halves.lost.post("/users", USER)
    await halves.kept.post("/users", USER)
    await halves.lose()
    worker = make_worker(delivery, Logger())
    worker.idle_seconds = 0.05
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        while not await halves.numbered(halves.kept.client.tenant_id):
            await asyncio.sleep(0.01)
        with pytest.raises(DatabaseDown):
            await halves.numbered(halves.lost.client.tenant_id)
        await halves.run(FOUND)
        while not await halves.numbered(halves.lost.client.tenant_id):
            await asyncio.sleep(0.01)
    finally:
        stop.set()
        await running
        await delivery.close()


async def test_the_house_is_kept_for_other_tenants(halves: Halves) -> None:
    old = "update access_tokens set expires_at = wire_now() - interval '2 hours'"
    async with owner_of(halves.cluster, halves.database) as owner:
        await owner.execute("alter table access_tokens no force row level security")
        await owner.execute(old)
        await owner.execute("update credential_directory set expires_at = wire_now() - interval '2 hours'")
        await owner.execute("alter table access_tokens force row level security")
        await halves.lose()
        log = Logger()
        await keep_house(halves.database, log)
        tenant = str(halves.lost.client.tenant_id)
        assert [(line["event"], line["tenant"]) for line in log.lines] == [("work.put_off", tenant)]
        assert await owner.fetchval("select count(*) from credential_directory where expires_at is not null") == 0
        kept = await halves.database.read(
            halves.kept.client.tenant_id,
            lambda unit: unit.one(
                Query(int, "select count(*) from access_tokens where tenant_id = $1"), unit.tenant_id
            ),
        )
        assert kept == 0


async def test_a_database_that_is_gone_is_not_asked_again_tenant_by_tenant(halves: Halves) -> None:
    """What became of a nonce is not known then, and who asked again would be told that it was used."""
    asked = 0

    async def lost(*_: object) -> list[Any]:
        nonlocal asked
        asked += 1
        raise DatabaseDown from asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(halves.database), "ask", lost)
        answers = await asyncio.gather(*[api.get("/users") for api in (halves.lost, halves.kept)])
    assert [answer.status_code for answer in answers] == [503, 503]
    assert asked <= 2
    assert await tenants.all_tenants(halves.database)
    await halves.lose()
