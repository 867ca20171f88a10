"""Deliveries: pack and lease in one unit, sign and send outside any transaction, record with the lease's token.

Every package is sent and recorded by itself, so a slow endpoint delays nobody else. What a crash leaves behind is a
lease that runs out; the same bytes are then sent again under a fresh signature.

Source: DOMAIN.md section 3; ARCHITECTURE.md "A webhook".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from openvest.core.declarations import Event
from openvest.db.unit import Database, DatabaseDown, Unit
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import SigningKey
from openvest.features.webhooks import service as webhooks
from openvest.features.webhooks.model import LeasedPackage
from openvest.ports.courier import Courier, Letter, NotSent

AT_ONCE = 64
"""Packages of one tenant that may be under way from one process; others wait for their turn, other tenants do not."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Packages leased to this process, the key to sign them with, and how long until there is more to do."""

    packages: Sequence[LeasedPackage]
    key: SigningKey | None
    look_in: timedelta | None


def _nobody(_: UUID) -> None:
    """Nobody waits."""


@dataclass(slots=True)
class Deliverer:
    """Sends what subscriptions wait for. `ready` is told of a tenant when one of its packages is done.

    Units: `back_off` and `lease_seconds` are seconds of wire time.
    """

    database: Database
    events: Mapping[str, Event]
    courier: Courier
    back_off: Sequence[int] = webhooks.BACK_OFF
    lease_seconds: int = webhooks.LEASE_SECONDS
    ready: Callable[[UUID], None] = _nobody
    log: Any = field(default_factory=structlog.get_logger)
    _under_way: dict[UUID, set[asyncio.Task[bool]]] = field(default_factory=dict[UUID, "set[asyncio.Task[bool]]"])

    async def take(self, tenant_id: UUID, limit: int = AT_ONCE) -> Taken:
        """Pack what is due and lease what may be sent. Raises: DatabaseDown."""

        async def work(unit: Unit) -> Taken:
            await webhooks.build_packages(unit, self.events)
            packages = await webhooks.lease_packages(unit, limit, self.lease_seconds) if limit > 0 else []
            look = await webhooks.next_look(unit)
            look_in = None if look.at is None else max(look.at - look.now, timedelta(0))
            return Taken(packages, await tenants.signing_key(unit) if packages else None, look_in)

        return await self.database.write(tenant_id, work, n=0)

    async def deliver(self, tenant_id: UUID, package: LeasedPackage, key: SigningKey) -> bool:
        """One attempt, recorded. False where it failed or the lease was lost. Raises: DatabaseDown."""
        failure = await self._send(self.letter(package, key))

        async def record(unit: Unit) -> bool:
            if failure is None:
                return await webhooks.record_arrived(unit, package)
            return await webhooks.record_failed(unit, package, failure, self.back_off)

        held = await self.database.write(tenant_id, record, n=0)
        if not held:
            self.log.warning("webhook.lease_lost", tenant=str(tenant_id), webhook=str(package.webhook_id))
        elif failure is not None:
            self.log.info(
                "webhook.failed",
                tenant=str(tenant_id),
                webhook=str(package.webhook_id),
                sequence=f"{package.first_sequence}-{package.last_sequence}",
                attempt=package.attempts + 1,
                reason=failure,
            )
        return held and failure is None

    def letter(self, package: LeasedPackage, key: SigningKey) -> Letter:
        """The package as it is posted."""
        headers = (
            (b"openvest-sequence", f"{package.first_sequence}-{package.last_sequence}".encode()),
            (b"openvest-previous-sequence", str(package.previous_sequence).encode()),
        )
        return Letter(package.url, package.body, key.id, key.private_pem, headers)

    async def once(self, tenant_id: UUID) -> int:
        """Take and send one set, and wait for all of it. Returns how many packages arrived. Raises: DatabaseDown."""
        taken = await self.take(tenant_id)
        if taken.key is None:
            return 0
        return sum(await asyncio.gather(*(self.deliver(tenant_id, package, taken.key) for package in taken.packages)))

    async def start(self, tenant_id: UUID) -> timedelta | None:
        """Take a set and send it in the background. Returns how long until there is more to do, None: until news.

        Raises: DatabaseDown.
        """
        running = self._under_way.setdefault(tenant_id, set())
        taken = await self.take(tenant_id, AT_ONCE - len(running))
        if taken.key is not None:
            for package in taken.packages:
                task = asyncio.create_task(self._guarded(tenant_id, package, taken.key))
                running.add(task)
                task.add_done_callback(running.discard)
        if not running:
            del self._under_way[tenant_id]
        return taken.look_in

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way; what takes longer is left to its lease."""
        tasks = [task for running in self._under_way.values() for task in running]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _guarded(self, tenant_id: UUID, package: LeasedPackage, key: SigningKey) -> bool:
        try:
            return await self.deliver(tenant_id, package, key)
        except DatabaseDown:
            self.log.warning("webhook.not_recorded", tenant=str(tenant_id), webhook=str(package.webhook_id))
            return False
        except Exception as error:
            self.log.error("webhook.fault", tenant=str(tenant_id), webhook=str(package.webhook_id), error=error)
            return False
        finally:
            self.ready(tenant_id)

    async def _send(self, letter: Letter) -> str | None:
        """None where the endpoint took it, else why not."""
        try:
            receipt = await self.courier.send(letter)
        except NotSent as error:
            return str(error)
        return None if 200 <= receipt.status <= 299 else f"The endpoint answered {receipt.status}."
