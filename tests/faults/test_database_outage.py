"""The database dies and comes back: 503 with a time to wait, nothing half done, and no restart of the server."""

from __future__ import annotations

import asyncio
import io
import os
import pwd
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator
from uuid import uuid4

import asyncpg
import httpx
import pytest

from openvest.features.tenants.v1 import ENDPOINTS
from tests.contract.test_dispatch import refused
from tests.contract.things import THINGS, made, thing
from tests.kit.cluster import APP, Cluster, start_cluster
from tests.kit.http import Api, http_of, make_api, make_test_app
from tests.kit.world import make_tenant, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def mortal() -> Generator[Cluster]:
    """A server of its own, to be killed."""
    cluster = start_cluster()
    try:
        yield cluster
    finally:
        cluster.stop()


def kill(cluster: Cluster) -> None:
    os.killpg(cluster.process.pid, signal.SIGKILL)
    cluster.process.wait(10)


async def durable(cluster: Cluster) -> None:
    """Commits of this server survive its death, which those of the tests' common server need not."""
    connection = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
    await connection.execute(f"alter role {APP} set synchronous_commit = on")
    await connection.close()


async def revive(cluster: Cluster) -> None:
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    cluster.process = subprocess.Popen(
        cluster.process.args,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    for _ in range(200):
        try:
            connection = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return
    raise AssertionError("the server did not come back")


async def eventually_ready(http: httpx.AsyncClient) -> None:
    for _ in range(100):
        if (await http.get("/health/ready")).status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the server did not recover")


@pytest.fixture
async def world(mortal: Cluster) -> AsyncGenerator[tuple[Api, Cluster, str]]:
    await durable(mortal)
    name = await mortal.create()
    async with opened(mortal, name) as assembled:
        database = assembled.database
        app = make_test_app(database, [*ENDPOINTS, *THINGS], log=io.StringIO())
        api = await make_api(app, database, await make_tenant(database, "Tenant A"))
        async with api.http:
            yield api, mortal, name


async def test_a_dead_database_is_said_and_survived(world: tuple[Api, Cluster, str]) -> None:
    api, cluster, name = world
    key, before = uuid4(), await api.post("/things", thing("before"))
    assert before.status_code == 200
    kill(cluster)
    for path in ("/things", "/batched_things"):
        answer = await api.post(path, thing("lost"), key)
        refused(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    refused(await api.get("/things"), 503, "unavailable")
    refused(await api.http.get("/health/ready"), 503, "unavailable")
    assert (await api.http.get("/health/live")).status_code == 200
    await revive(cluster)
    await eventually_ready(api.http)
    assert (await api.post("/things", thing("lost"), key)).status_code == 200
    async with opened(cluster, name) as again:
        assert await made(again.database, api.client.tenant_id) == 2


async def test_requests_in_flight_are_told_so_and_their_retries_have_one_effect(
    world: tuple[Api, Cluster, str],
) -> None:
    api, cluster, name = world
    await api.fetch_token()
    keys = [uuid4() for _ in range(16)]
    paths = ["/things", "/batched_things"]
    sent = [asyncio.create_task(api.post(paths[n % 2], thing(f"n{n}", kind="SLOW"), key)) for n, key in enumerate(keys)]
    await asyncio.sleep(0.2)
    kill(cluster)
    first = await asyncio.gather(*sent)
    assert {answer.status_code for answer in first} <= {200, 503}
    assert 503 in {answer.status_code for answer in first}
    await revive(cluster)
    await eventually_ready(api.http)
    for n, (key, answer) in enumerate(zip(keys, first, strict=True)):
        again = await api.post(paths[n % 2], thing(f"n{n}", kind="SLOW"), key)
        assert again.status_code == 200
        assert answer.status_code == 503 or again.content == answer.content
    async with opened(cluster, name) as other:
        assert await made(other.database, api.client.tenant_id) == len(keys)


async def test_a_server_that_starts_before_its_database_serves_when_it_comes(
    world: tuple[Api, Cluster, str],
) -> None:
    api, cluster, _ = world
    kill(cluster)
    transport = api.http._transport  # the application under test, reached through its transport
    assert isinstance(transport, httpx.ASGITransport)
    app = transport.app
    await app.start()
    refused(await http_of(app).get("/health/ready"), 503, "unavailable")
    await revive(cluster)
    await eventually_ready(http_of(app))
    await app.stop()
