"""What tests of webhooks stand on: one tenant, a receiver, a deliverer that repeats at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from openvest.core.clock import WireClock
from openvest.core.ids import deterministic_id
from openvest.core.schema import View
from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit
from openvest.declarations import Contract, Representation
from openvest.events.sequencer import number_events
from openvest.events.telling import Tellings, telling
from openvest.features.tenants import service as tenants
from openvest.features.webhooks import service
from openvest.features.webhooks.model import NewWebhook
from openvest.worker.deliveries import Deliverer
from openvest.worker.webhook_sender import HttpWebhookSender
from tests.kit.receiver import Receiver

_WHOLE = Representation(lambda snapshot: snapshot, View)
_BROKEN = Representation(lambda snapshot: {"id": snapshot["missing"]}, View)
TOLD: Mapping[Contract, Tellings] = {
    "v1": {
        name: telling(name, _WHOLE)
        for name in ("USER.CREATED", "USER_CHECK.PASSED", "ORDER.NEW", "BUSINESS_CHECK.PASSED")
    }
    | {"ORDER.FILLED": telling("ORDER.FILLED", _BROKEN)}
}
AGE_LEASE = Statement("update webhook_packages set leased_until = leased_until - interval '1 minute'")
AGE_FAILURE = Statement("update webhook_packages set failing_since = failing_since - $1::integer * interval '1 day'")


@dataclass
class WebhookWorld:
    """One tenant, a receiver, a deliverer that repeats at once."""

    database: Database
    tenant_id: UUID
    receiver: Receiver
    deliverer: Deliverer
    wire: WireClock
    emitted: int = 0
    allow_list: frozenset[str] = frozenset()
    """Where its subscriptions may go: the receiver, and what is added."""

    def __post_init__(self) -> None:
        self.allow_list |= {self.receiver.entry}

    async def webhook(
        self,
        path: str = "/hook",
        *,
        contract: Contract = "v1",
        enabled: bool = True,
        url: str | None = None,
        **options: Any,
    ) -> UUID:
        values: dict[str, Any] = {"type": ["ALL"], "exclude_type": None, "delay_seconds": 1, "max_package_size": 65_536}
        new = NewWebhook("t", url or self.receiver.url(path), **(values | options))

        async def work(unit: Unit) -> UUID:
            made = await service.create_webhook(unit, contract, new, self.allow_list)
            if enabled:
                await service.update_webhook(unit, contract, made.id, {"enabled": True})
            return made.id

        return await self.database.write(self.tenant_id, work, n=0)

    async def change(self, webhook_id: UUID, *, contract: Contract = "v1", **change: Any) -> None:
        async def work(unit: Unit) -> None:
            await service.update_webhook(unit, contract, webhook_id, change, self.allow_list)

        await self.database.write(self.tenant_id, work, n=0)

    async def emit(self, *types: str, size: int = 0) -> None:
        """One unit with these events, numbered afterwards."""

        async def work(unit: Unit) -> None:
            for event_type in types:
                self.emitted += 1
                thing = deterministic_id("thing", self.emitted)
                unit.emit(event_type, thing, 1, unit.now, {"n": self.emitted, "text": "x" * size})

        await self.database.write(self.tenant_id, work)
        await number_events(self.database, self.tenant_id)

    async def age(self, seconds: int = 60) -> None:
        """As if what waits had waited longer."""

        async def work(unit: Unit) -> None:
            await unit.connection.execute(
                "update webhooks set waiting_since = waiting_since - $1::integer * interval '1 second',"
                " look_at = null where waiting_since is not null",
                seconds,
            )

        await self.database.write(self.tenant_id, work, n=0)

    async def run(self, statement: Statement, *args: Any) -> None:
        async def work(unit: Unit) -> None:
            assert await unit.run(statement, *args) > 0

        await self.database.write(self.tenant_id, work, n=0)

    async def flow(self) -> None:
        """Let everything that waits be packed and tried, as if every delay had passed."""
        while True:
            await self.deliverer.once(self.tenant_id)
            await self.age()
            before = len(self.receiver.deliveries)
            await self.deliverer.once(self.tenant_id)
            if len(self.receiver.deliveries) == before:
                return

    async def count(self, table: str) -> int:
        query = Query(int, f"select count(*) from {table}")  # pyright: ignore[reportArgumentType] - a test's own names
        return await self.database.read(self.tenant_id, lambda unit: unit.one(query))

    def events(self) -> list[dict[str, Any]]:
        """All events that arrived anywhere, in the order of arrival."""
        return [event for delivery in self.receiver.deliveries for event in delivery.payload]

    def heard(self, path: str = "/hook") -> list[int]:
        """The events a path got, by their counter, in the order of arrival."""
        return [event["object"]["n"] for delivery in self.receiver.at(path) for event in delivery.payload]


async def make_world(
    database: Database, tenant_id: UUID, receiver: Receiver, back_off: Sequence[int] = (0,)
) -> WebhookWorld:
    await database.write(tenant_id, tenants.add_signing_key, n=0)
    # The events of these tests are made up, so nobody may react to them.
    database.before_events = ()
    wire = WireClock()
    sender = HttpWebhookSender(wire, frozenset({receiver.entry}), timeout_seconds=5)
    return WebhookWorld(database, tenant_id, receiver, Deliverer(database, TOLD, sender, back_off=back_off), wire)
