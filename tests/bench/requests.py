"""T1, T1p, T1L, T2, T3: requests over HTTP against two server processes, with 64 or 256 connections; signed, but for
those of lite (T1L)."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.signing_keys import generate_ed25519, generate_p521
from openvest.db.unit import Unit
from openvest.features.tenants import service as tenants
from openvest.sdk.signing import Signer
from tests.bench.cpu import Meter
from tests.bench.figures import Sample
from tests.bench.floor import Floor
from tests.bench.load import WIRE, built, send_all
from tests.bench.world import Bench, bench_world
from tests.kit.cluster import OWNER, Cluster
from tests.kit.customers import Customer
from tests.kit.orders import X
from tests.kit.world import SECRETS

CUSTOMERS = 2_000
SCOPES = ["orders:admin", "accounts:read"]
ROWS = ("T1", "T1p", "T1L", "T2", "T3")


@dataclass
class Client:
    """A client that may send as much as it can. One of lite has no signer: its token is all it shows."""

    signer: Signer | None
    token: str


async def make_client(bench: Bench, kind: str, scopes: Sequence[str] = SCOPES) -> Client:
    """A client with a key of this kind and a token."""
    private, public = generate_ed25519() if kind == "ed25519" else generate_p521()

    async def work(unit: Unit) -> tuple[UUID, UUID, str]:
        made = await tenants.create_client(unit, contract="v1", scopes=list(scopes), no_rate_limit=True)
        key_id = await tenants.add_key(unit, made.client_id, public)
        token = await tenants.issue_token(unit, made.client_id, made.client_secret, list(scopes), 100_000)
        return made.client_id, key_id, token.access_token

    client_id, key_id, token = await bench.world.database.write(bench.tenant_id, work, n=0)
    return Client(Signer(str(client_id), str(key_id), private, clock=WIRE.now_seconds), token)


async def make_lite_client(bench: Bench) -> Client:
    """A client of the contract that wants no signature."""

    async def work(unit: Unit) -> str:
        made = await tenants.create_client(unit, contract="lite", scopes=SCOPES, no_rate_limit=True)
        token = await tenants.issue_token(unit, made.client_id, made.client_secret, SCOPES, 100_000)
        return token.access_token

    return Client(None, await bench.world.database.write(bench.tenant_id, work, n=0))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def server(bench: Bench) -> AsyncGenerator[tuple[int, int]]:
    """`openvest server` with two workers on the benchmark's database. Yields its port and the id of its process."""
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": bench.cluster.dsn(bench.name),
        "DATABASE_ADMIN_URL": bench.cluster.dsn(bench.name, OWNER),
        "OPENVEST_MASTER_KEY": SECRETS.master.hex(),
    }
    command = [sys.executable, "-m", "openvest", "server", "--workers", "2", "--port", str(port)]
    async with _running(command, port, environment) as pid:
        yield port, pid


@asynccontextmanager
async def bare() -> AsyncGenerator[int]:
    """A constant from a bare ASGI application, behind the same HTTP server: two processes that share a port."""
    port = free_port()
    command, environment = [sys.executable, "-m", "tests.bench.bare", str(port)], dict(os.environ)
    async with _running(command, port, environment), _running(command, port, environment):
        yield port


@asynccontextmanager
async def _running(command: list[str], port: int, environment: dict[str, str]) -> AsyncGenerator[int]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=quiet, stderr=quiet)
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.1)
        else:
            raise RuntimeError(f"nothing listens: {' '.join(command)}")
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def order_of(customer: Customer, client: Client) -> dict[str, str]:
    """An order of this customer, in the words of the client's contract."""
    both = {"account_id": str(customer.account_id), "side": "BUY", "cash_amount": "1.00"}
    if client.signer is None:
        return both | {"instrument_id": str(deterministic_id("instrument", X)), "type": "MARKET"}
    return both | {"user_id": str(customer.user_id), "instrument_id": X, "instrument_id_type": "ISIN"}


def orders_of(bench: Bench, client: Client, count: int) -> list[bytes]:
    """So many orders, each with a key of its own, going round the customers."""
    built_orders: list[bytes] = []
    for number in range(count):
        body = order_of(bench.customers[number % len(bench.customers)], client)
        built_orders.append(built(client.signer, client.token, "POST", "/orders", body, keyed=True))
    return built_orders


@dataclass(frozen=True)
class Asked:
    """A running server and who asks it. `bare_port` is that of the bare application."""

    bench: Bench
    floor: Floor
    port: int
    server_pid: int
    bare_port: int
    clients: Mapping[str, Client]


@asynccontextmanager
async def asked(cluster: Cluster, floor: Floor, bare_port: int) -> AsyncGenerator[Asked]:
    """Warmed up, and analysed."""
    async with bench_world(cluster, CUSTOMERS) as bench:
        fast, slow = await make_client(bench, "ed25519"), await make_client(bench, "p521")
        clients = {"T1p": slow, "T1L": await make_lite_client(bench)} | dict.fromkeys(("T1", "T2", "T3"), fast)
        async with server(bench) as (port, pid):
            await send_all(port, orders_of(bench, fast, 2_000), 64, 202)
            await bench.analyze()
            yield Asked(bench, floor, port, pid, bare_port, clients)


async def measure(asked: Asked, row: str, seconds: int) -> Sample:
    """One round: what is below first, then the row."""
    client = asked.clients[row]
    if row == "T3":
        constant = [b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"] * 100_000 * seconds
        below = (await send_all(asked.bare_port, constant, 64, 200, seconds)).per_second
        requests, accepted = _reads(asked.bench, client, 6_000 * seconds), 200
    else:
        below = asked.floor.per_second(seconds)
        requests = orders_of(asked.bench, client, int(below * seconds * 2))
        accepted = 201 if client.signer is None else 202
    meter = Meter("client", server=[asked.server_pid], postgres=asked.bench.cluster.process.pid)
    done = await send_all(asked.port, requests, 256 if row == "T2" else 64, accepted, seconds)
    return Sample(done.per_second / below, done.per_second, meter.per_operation(done.count))


def _reads(bench: Bench, client: Client, count: int) -> list[bytes]:
    targets = [f"/accounts/{customer.account_id}" for customer in bench.customers]
    return [built(client.signer, client.token, "GET", targets[n % len(targets)]) for n in range(count)]
