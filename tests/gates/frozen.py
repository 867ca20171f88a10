"""Frozen tenants under one process of the program, and how long it takes to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aiohttp

from openvest.core.clock import monotonic_ns
from openvest.core.sealing import Secrets
from openvest.core.signing_keys import generate_ed25519
from openvest.db.connections import open_pool
from openvest.db.unit import Unit
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import NewClient
from openvest.main import Assembled, assemble
from openvest.main.installation import FIRST_SEED, KEY_FILE
from tests.kit.customers import make_customer, top_up
from tests.kit.orders import X
from tests.kit.people import USER
from tests.kit.stage import Stage, staged
from tests.kit.wire import Credentials, Reply, Wire
from tests.repeat.life import FROZEN_AT

SCOPE = "users:admin orders:admin orders:read tests:admin webhooks:admin webhooks:read"
_USER = {name: value for name, value in USER.items() if name not in ("phone_number", "fatca")}
"""What the licence of these tenants asks of a user."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A tenant's client and the account it trades for."""

    wire: Wire
    account_id: str
    user_id: str

    async def write(self) -> Reply:
        return await self.wire.send("POST", "/users", _USER, uuid4())

    async def read(self, user: str) -> Reply:
        return await self.wire.send("GET", f"/users/{user}")

    async def order(self) -> Reply:
        order = {
            "account_id": self.account_id, "user_id": self.user_id, "side": "BUY", "order_type": "MARKET",
            "instrument_id": X, "instrument_id_type": "ISIN", "cash_amount": "10.00", "currency": "EUR",
        }  # fmt: skip
        return await self.wire.send("POST", "/orders", order, uuid4())

    async def advance(self) -> Reply:
        return await self.wire.send("POST", "/tests/clock/advance", {"by": "PT30M"})


async def seconds_to_end(stage: Stage, name: str) -> float:
    """SIGTERM, and how long it took until the process was gone."""
    process, begun = stage.running[name].process, monotonic_ns()
    process.send_signal(signal.SIGTERM)
    while process.poll() is None and monotonic_ns() - begun < 30_000_000_000:
        await asyncio.sleep(0.02)
    return (monotonic_ns() - begun) / 1e9


@asynccontextmanager
async def frozen(count: int, port: int) -> AsyncGenerator[tuple[Stage, Sequence[Caller]]]:
    """One `serve` of the default pool with so many frozen tenants, each with a customer who has money."""
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0)
    async with staged() as stage, aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        await stage.start("serve", "serve", "--port", str(port))
        yield stage, await furnish(stage, http, port, count)


async def furnish(stage: Stage, http: aiohttp.ClientSession, port: int, count: int) -> Sequence[Caller]:
    """So many frozen tenants beside a process that runs, and somebody who calls for each."""
    async with inside(stage) as world:
        made = [await _tenant(world, number) for number in range(count)]
    base = f"http://127.0.0.1:{port}"
    return [Caller(Wire(http, base, known, SCOPE), account, user) for known, account, user in made]


@asynccontextmanager
async def inside(stage: Stage) -> AsyncGenerator[Assembled]:
    """The program over the installation's database, with its key, as an operator's command has it."""
    secrets = Secrets.from_hex((stage.data_dir / KEY_FILE).read_text(encoding="ascii").strip())
    pool = await open_pool(stage.address().app_dsn(), size=2, application="furnishing")
    try:
        yield assemble(pool, seed=FIRST_SEED, secrets=secrets)
    finally:
        pool.terminate()


async def _tenant(world: Assembled, number: int) -> tuple[Credentials, str, str]:
    database = world.database
    tenant_id = await tenants.create_tenant(
        database, f"Frozen {number}", mode="sandbox", licence="BYOL", pace="calendar", frozen_at=FROZEN_AT
    )
    private, public = generate_ed25519()

    async def client(unit: Unit) -> tuple[NewClient, str]:
        made = await tenants.create_client(unit, contract="v1", scopes=SCOPE, no_rate_limit=True)
        return made, str(await tenants.add_key(unit, made.client_id, public))

    made, key_id = await database.write(tenant_id, client, n=0)
    customer = await make_customer(database, tenant_id)
    await world.runner.drain(tenant_id)
    await top_up(database, customer, "1000000.00")
    known = Credentials(tenant_id, str(made.client_id), made.client_secret, key_id, private)
    return known, str(customer.account_id), str(customer.user_id)
