"""Two processes' worth of the program over one database, which storms knock at."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest import catalog
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.server.settings import ServerSettings
from tests.kit.cluster import Cluster
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.http import Api, http_of, make_api, make_test_app
from tests.kit.wire import Reply
from tests.kit.world import make_tenant, opened
from tests.stateful.storms import Door

QUIET = ServerSettings(request_log=False, in_flight=100_000)
HASTY = ServerSettings(request_log=False, key_wait_seconds=0, in_flight=100_000)


@dataclass(frozen=True)
class Two:
    """The two, a client that knocks at both, and a customer."""

    worlds: list[Assembled]
    doors: list[Door]
    hasty: list[Door]
    """The same two, but a request whose key is in use is answered 409 at once."""
    customer: Customer

    async def money(self, amount: Decimal) -> None:
        await top_up(self.worlds[0].database, self.customer, f"{amount:.2f}")

    async def assert_proved(self) -> None:
        proof = await prove_tenant(self.worlds[0].database, self.customer.tenant_id, catalog.INVARIANTS)
        assert proof.clean, proof.findings


def door_of(api: Api) -> Door:
    async def send(method: str, target: str, body: Any = None, key: UUID | None = None) -> Reply:
        answer = await api.send(method, target, body, key=key)
        return Reply(answer.status_code, answer.content)

    return send


@asynccontextmanager
async def two_processes(cluster: Cluster) -> AsyncGenerator[Two]:
    name = await cluster.create()
    try:
        async with opened(cluster, name) as first, opened(cluster, name) as second:
            worlds = [first, second]
            tenant_id = await make_tenant(first.database, "Storm", pace="instant")
            customer = await make_customer(first.database, tenant_id)
            apps = [make_test_app(w.database, catalog.CONTRACTS, settings=s) for s in (QUIET, HASTY) for w in worlds]
            api = await make_api(apps[0], first.database, tenant_id)
            await api.fetch_token()
            doors = [door_of(replace(api, http=http_of(app))) for app in apps]
            yield Two(worlds, doors[:2], doors[2:], customer)
    finally:
        await cluster.drop(name)
