"""A life outside this process: `openvest serve` on an empty data directory, and as many processes beside it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

import asyncpg

from openvest import catalog
from openvest.cli.demo_life import Life, numbered_keys
from openvest.cli.listener import listening
from openvest.core.clock import instant
from openvest.features.tenants.model import SCOPES
from openvest.ledger.audit import prove_tenant
from openvest.sdk.client import Client, Response
from openvest.sdk.clock import unix_seconds
from openvest.sdk.profile import Profile, SigningKey
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Reply
from tests.repeat.life import FROZEN_AT, Steps
from tests.repeat.prints import Print, take_print
from tests.stateful.storms import Door

SEED = "20260302"
TENANT = "Repeat"


class Turns:
    """The SDK's client at several servers in turn, in the shape of one."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._turn = itertools.count()

    def fetch_token(self) -> Response:
        answers = [client.fetch_token() for client in self._clients]
        return answers[-1]

    def request(self, method: str, target: str, body: Any = None) -> Response:
        return self._clients[next(self._turn) % len(self._clients)].request(method, target, body)


class Silent:
    """Hears the demo's story and keeps only what did not hold."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def chapter(self, title: str) -> None:
        """Nothing."""

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None:
        """Nothing."""

    def expect(self, claim: str, holds: bool, seen: object = None) -> None:
        if not holds:
            self.broken.append(f"{claim} (seen: {seen})")


@dataclass
class Outside:
    """A frozen tenant on an empty installation, and its clients, one at each server."""

    stage: Stage
    tenant_id: UUID
    clients: Sequence[Client]
    webhook_url: str

    @property
    def steps(self) -> Steps:
        return Steps([door_of(client) for client in self.clients])

    async def demo(self) -> None:
        """The demo's life, told to nobody. Raises: NotHeld, AssertionError."""
        story = Silent()
        client = cast(Client, Turns(self.clients))
        await asyncio.to_thread(Life(client, story, self.webhook_url).live)
        assert not story.broken, story.broken

    async def print(self) -> Print:
        """At rest, and the books proved first. Raises: AssertionError."""
        async with self.stage.database() as database:
            taken = await take_print(database, self.tenant_id)
            proof = await prove_tenant(database, self.tenant_id, catalog.INVARIANTS)
            assert proof.clean, proof.findings
            return taken


def door_of(client: Client) -> Door:
    async def send(method: str, target: str, body: Any = None, key: UUID | None = None) -> Reply:
        given = str(key) if key is not None and method == "POST" else None
        answer = await asyncio.to_thread(client.request, method, target, body, idempotency_key=given)
        return Reply(answer.status, answer.body)

    return send


@asynccontextmanager
async def outside(*, servers: int = 1, timezone: str = "UTC") -> AsyncGenerator[Outside]:
    """An installation that knows nothing yet; with more than one server there is a worker beside them too."""
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(environment={"TZ": timezone}))
        box = stack.enter_context(listening(unix_seconds))
        hooks = ("--allow-webhooks-to", f"127.0.0.1:{box.port}")
        ports = free_ports(servers)
        first = ("serve", "--port", str(ports[0]), "--seed", SEED, *hooks)
        await stage.start("serve", *first)
        await _set_timezone(stage, timezone)
        stage.stop()
        await stage.start("serve", *first)
        for number, port in enumerate(ports[1:], 2):
            await stage.start(f"server{number}", "server", "--port", str(port), *hooks)
        if servers > 1:
            await stage.start("worker", "worker", *hooks)
        known = stage.create_client(TENANT, "--pace", "calendar", "--licence", "TOL", "--frozen-at", instant(FROZEN_AT))
        profile = Profile(
            url="",
            client_id=known.client_id,
            client_secret=known.client_secret,
            scopes=" ".join(SCOPES),
            key=SigningKey(known.key_id, known.private_pem),
        )
        keys = numbered_keys("demo")
        clients = [Client(replace(profile, url=f"http://127.0.0.1:{port}"), keys=keys) for port in ports]
        for client in clients:
            stack.callback(client.close)
        yield Outside(stage, known.tenant_id, clients, box.url)


async def _set_timezone(stage: Stage, timezone: str) -> None:
    """PostgreSQL too thinks in another zone, whatever the sessions say."""
    connection = await asyncpg.connect(stage.address().superuser_dsn())
    try:
        await connection.execute(f"alter system set timezone = '{timezone}'")
        await connection.execute(f"alter database {stage.address().database} set timezone = '{timezone}'")
    finally:
        await connection.close()
