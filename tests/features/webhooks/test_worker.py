"""The loop: news committed anywhere is numbered, packed and delivered; work that falls due is done; a stop is clean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.clock import WireClock
from openvest.core.ids import deterministic_id
from openvest.db.query import Query
from openvest.db.unit import Database, DatabaseDown, Unit
from openvest.db.wake import CHANNEL, Wake
from openvest.declarations import Phase, Sweep
from openvest.features.tenants import service as tenants
from openvest.main import Assembled
from openvest.main.event_delivery import connect_event_delivery, make_worker
from openvest.work.clockwork import Clockwork
from openvest.work.runner import Runner
from openvest.worker.deliveries import Deliverer
from openvest.worker.housekeeping import keep_house
from openvest.worker.loop import Worker
from openvest.worker.tasks import TenantTasks
from tests.kit.customers import make_customer
from tests.kit.receiver import receiving
from tests.kit.webhooks import AGE_FAILURE, TOLD, WebhookWorld, make_world
from tests.kit.world import MAY_BE

pytestmark = pytest.mark.anyio

Log = list[dict[str, Any]]


@dataclass
class Logger:
    """Keeps what is logged."""

    lines: Log = field(default_factory=list[dict[str, Any]])

    def _line(self, event: str, **values: Any) -> None:
        self.lines.append({"event": event} | values)

    info = warning = error = _line


@asynccontextmanager
async def working(worker: Worker) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        async with asyncio.timeout(20):
            yield
    finally:
        stop.set()
        await running


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what must come; the test's timeout is the judge."""
    while not holds():
        await asyncio.sleep(0.01)


async def worker_of(world: WebhookWorld, log: Logger, works: Sequence[Sweep] = ()) -> Worker:
    runner = Runner(world.database, works, None)
    wake = Wake(world.database)
    world.database.committed = wake.announce

    async def drain(tenant_id: UUID) -> None:
        await runner.drain(tenant_id)

    world.database.drain = drain
    deliverer = Deliverer(world.database, TOLD, world.deliverer.sender, back_off=(0,), log=log)
    return Worker(world.database, runner, Clockwork(runner), deliverer, wake, world.wire, log=log)


async def commit(world: WebhookWorld, *types: str) -> None:
    """Events as a request leaves them: committed, not numbered."""

    async def work(unit: Unit) -> None:
        for event_type in types:
            world.emitted += 1
            unit.emit(event_type, deterministic_id("thing", world.emitted), 1, unit.now, {"n": world.emitted})

    await world.database.write(world.tenant_id, work)


async def test_news_is_numbered_packed_and_delivered_in_order(world: WebhookWorld) -> None:
    log = Logger()
    await world.webhook()
    world.receiver.script["/hook"] = [500, 302]
    async with working(await worker_of(world, log)):
        for _ in range(30):
            await commit(world, "USER.CREATED", "ORDER.NEW")
        await until(lambda: len({*world.heard()}) == 60 and len(world.receiver.deliveries) > 2)
    assert list(dict.fromkeys(world.heard())) == list(range(1, 61))
    assert [line["reason"] for line in log.lines] == ["The endpoint answered 500.", "The endpoint answered 302."]


async def test_what_nobody_announced_is_found(world: WebhookWorld) -> None:
    await world.webhook()
    worker = await worker_of(world, Logger())
    world.database.committed = lambda _: None
    async with working(worker):
        await commit(world, "USER.CREATED")
        await until(lambda: world.heard() == [1])


async def test_two_workers_share_the_work_and_repeat_nothing(world: WebhookWorld) -> None:
    for number in range(5):
        await world.webhook(f"/{number}", max_package_size=300)
    one, two = await worker_of(world, Logger()), await worker_of(world, Logger())
    async with working(one), working(two):
        for _ in range(20):
            await commit(world, "USER.CREATED")
        await until(lambda: all(len(world.heard(f"/{number}")) >= 20 for number in range(5)))
    assert all(world.heard(f"/{number}") == list(range(1, 21)) for number in range(5))


@dataclass(frozen=True, slots=True)
class Due:
    """A row of work."""

    id: UUID
    at: datetime


@dataclass
class Work:
    """Rows of work in memory; `spoilt` ones cannot be done."""

    due: list[Due] = field(default_factory=list[Due])
    did: list[UUID] = field(default_factory=list[UUID])

    def sweep(self) -> Sweep:
        async def closer_look(unit: Unit) -> datetime | None:
            return min((row.at for row in self.due), default=None)

        async def claim(unit: Unit, limit: int) -> Sequence[Due]:
            return [row for row in self.due if row.at <= unit.now][:limit]

        async def work(unit: Unit, rows: Sequence[Due]) -> None:
            for row in rows:
                self.due.remove(row)
                self.did.append(row.id)

        return Sweep("things", claim, work, MAY_BE, Phase.ORDERS, closer_look=closer_look)


async def test_work_of_a_live_tenant_is_done_when_it_falls_due(world: WebhookWorld) -> None:
    work = Work()
    now = await world.database.read(world.tenant_id, _now)
    past, soon, late = (Due(deterministic_id(i), now + timedelta(seconds=i)) for i in (-1, 1, 3600))
    work.due = [past, soon, late]
    async with working(await worker_of(world, Logger(), [work.sweep()])):
        await until(lambda: len(work.did) == 2)
    assert work.did == [past.id, soon.id]
    assert work.due == [late]


async def test_a_frozen_tenant_is_drained_and_a_begun_advance_resumed(
    database: Database, frozen_tenant_id: UUID
) -> None:
    async with receiving() as receiver:
        world = await make_world(database, frozen_tenant_id, receiver)
        work, log = Work(), Logger()
        worker = await worker_of(world, log, [work.sweep()])
        start = await database.read(frozen_tenant_id, _now)
        rows = [Due(deterministic_id(i), start + timedelta(days=i)) for i in (0, 1, 2, 9)]
        work.due = list(rows)
        clockwork = worker.clockwork
        async with working(worker):
            await commit(world, "USER.CREATED")
            await until(lambda: work.did == [rows[0].id])
            await clockwork.set_target(frozen_tenant_id, lambda _: start + timedelta(days=3))
            await until(lambda: len(work.did) == 3)
            while not (await clockwork.show(frozen_tenant_id)).done:
                await asyncio.sleep(0.01)
        assert work.did == [row.id for row in rows[:3]]
        assert (await clockwork.show(frozen_tenant_id)).now >= start + timedelta(days=3)
        assert log.lines == []
        await world.deliverer.sender.close()


async def test_processes_wake_each_other_and_not_themselves(database: Database, tenant_id: UUID) -> None:
    ours, theirs = Wake(database), Wake(database)
    listening = [asyncio.create_task(wake.listen()) for wake in (ours, theirs)]
    listeners = Query(int, f"select count(*) from pg_stat_activity where query ilike 'listen %{CHANNEL}%'")
    async with asyncio.timeout(10):
        while (await database.ask(listeners))[0] < 2:
            await asyncio.sleep(0.01)
        ours.announce(tenant_id)
        assert await ours.wait(0) == {tenant_id}
        assert await theirs.wait(10) == {tenant_id}
        assert await ours.wait(0.1) == set()
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await ours.close()


async def test_many_commits_are_few_messages(database: Database) -> None:
    wake, told = Wake(database, gap_seconds=0.2), Wake(database)
    heard: list[str] = []
    async with database.connection() as connection:
        await connection.add_listener(CHANNEL, lambda *message: heard.append(str(message[3])))
        many = [deterministic_id("tenant", i) for i in range(300)]
        for tenant in many:
            wake.announce(tenant)
            await asyncio.sleep(0)
        await wake.close()
        await connection.execute("select 1")
        await connection.remove_listener(CHANNEL, lambda *_: None)
        connection.terminate()
    named = [name for message in heard for name in message.split()[1:]]
    assert sorted(named) == sorted(str(tenant) for tenant in many)
    assert len(heard) <= 3
    assert await told.wait(0) == set()


async def test_tasks_run_once_at_a_time_and_outlive_their_errors() -> None:
    log = Logger()
    ran: list[int] = []
    at_once = 0
    tenant = deterministic_id("tenant")

    async def work(_: UUID) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        ran.append(len(ran))
        await asyncio.sleep(0.01)
        at_once -= 1
        if len(ran) == 1:
            raise LookupError("first time")
        if len(ran) == 2:
            raise DatabaseDown("second time")

    tasks = TenantTasks("things", work, 4, log)
    for expected in (1, 2, 3):
        tasks.poke(tenant)
        await until(lambda expected=expected: len(ran) == expected and not tasks.has_appointment(tenant))
    tasks.poke(tenant)
    await asyncio.sleep(0)
    for _ in range(5):
        tasks.poke(tenant)
    await until(lambda: len(ran) == 5 and not tasks.has_appointment(tenant))
    tasks.poke_in(tenant, 30)
    tasks.poke_in(tenant, 0.01)
    await until(lambda: len(ran) == 6)
    tasks.poke_in(tenant, 30)
    await tasks.finish(1)
    tasks.poke(tenant)
    tasks.poke_in(tenant, 0)
    await asyncio.sleep(0.02)
    assert len(ran) == 6
    assert [line["event"] for line in log.lines] == ["worker.fault", "worker.database_down"]


async def test_the_house_is_kept(world: WebhookWorld) -> None:
    log = Logger()

    async def leave_things(unit: Unit) -> None:
        client = await tenants.create_client(unit, contract="v1", scopes="all")
        for lifetime in (-2 * 3600, 1800):
            await tenants.issue_token(unit, client.client_id, client.client_secret, ["users:read"], lifetime)
        for days in (7, 9):
            await unit.connection.execute(
                "insert into idempotency (tenant_id, client_id, key, method, path, status,"
                " created_at) select $1, $2, $3, 'POST', '/users', 200, wire_now() - $4::integer * interval"
                " '1 day'",
                unit.tenant_id,
                client.client_id,
                deterministic_id("key", days),
                days,
            )

    await world.database.write(world.tenant_id, leave_things, n=0)
    await world.webhook()
    world.receiver.script["/hook"] = [500]
    world.deliverer.back_off = (600,)
    await world.emit("USER.CREATED")
    await world.flow()
    await keep_house(world.database, log)
    assert (await world.count("access_tokens"), await world.count("idempotency")) == (1, 1)
    assert (await world.count("webhooks"), log.lines) == (1, [])
    await world.run(AGE_FAILURE, 31)
    await keep_house(world.database, log)
    assert await world.count("webhooks") == 0
    assert [line["event"] for line in log.lines] == ["webhook.removed"]


async def test_the_program_puts_a_worker_together(assembled: Assembled, tenant_id: UUID) -> None:
    """Real events of real customers, each object as its schema describes it."""
    wire, log = WireClock(), Logger()
    async with receiving() as receiver:
        delivery = connect_event_delivery(assembled, wire, webhooks_to=(receiver.entry,))
        database = assembled.database
        await database.write(tenant_id, tenants.add_signing_key, n=0)
        world = WebhookWorld(database, tenant_id, receiver, Deliverer(database, {}, delivery.sender), wire)
        await world.webhook(max_package_size=1_048_576)
        async with working(make_worker(delivery, log)):
            customer = await make_customer(database, tenant_id)
            await until(lambda: "ACCOUNT.ACTIVATED" in {event["type"] for event in world.events()})
        await delivery.close()
    assert log.lines == []
    for event in world.events():
        catalog.TOLD["v1"][event["type"]].shown.schema.model_validate(event["object"])
    assert str(customer.user_id) in {event["object"].get("id") for event in world.events()}
    with pytest.raises(ValueError, match="HOST:PORT"):
        connect_event_delivery(assembled, wire, webhooks_to=("everywhere",))


async def _now(unit: Unit) -> datetime:
    return unit.now
