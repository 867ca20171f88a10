"""Deliveries: one unit records what came back, packs what waits and leases what may go; sending is outside any unit.

Packages travel side by side and each ends by itself, so a slow endpoint delays nobody else, and many of them not for
long: what is not answered soon gives its place to the next, and what failed before has places of its own. Whatever has
ended by then is recorded by the next unit, all at once. What a crash leaves behind is a lease that runs out; the same
bytes are then sent again under a fresh signature.

Source: DOMAIN.md section 3; ARCHITECTURE.md "News".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from openvest.core.clock import WireClock, monotonic_ns
from openvest.core.failpoints import failpoint
from openvest.core.logs import Log
from openvest.db.unit import Database, Unit
from openvest.declarations import Contract
from openvest.events.telling import Tellings
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import SigningKey
from openvest.features.webhooks import service as webhooks
from openvest.features.webhooks.model import LeasedPackage, Outcome, Room
from openvest.ports.webhook_sender import NotSent, WebhookRequest, WebhookSender

AT_ONCE = 64
"""New packages of one tenant that one process may have just sent; others wait for their turn, other tenants do not."""
YOUNG_SECONDS = 0.25
"""An endpoint that has not answered by then is a slow one, which holds back no further packages."""
SLOW_AT_ONCE = 192
"""How many may be under way, slow ones among them. Why a bound: each holds a connection and its package."""
FAILING_AT_ONCE = 32
"""As many again of those that failed the last time: endpoints that never answer are soon all among them."""

GATHER_SECONDS = 0.02
_AFTER_LEASE, _AFTER_SEND = failpoint("deliveries.after_lease"), failpoint("deliveries.after_send")
_AFTER_RECORD = failpoint("deliveries.after_record")


@dataclass(frozen=True, slots=True)
class Taken:
    """Packages leased to this process, the key to sign them with, and how long until there is more to do."""

    packages: Sequence[LeasedPackage]
    key: SigningKey | None
    look_in: timedelta | None


@dataclass(frozen=True, slots=True)
class Way:
    """A package under way. Units: `since_ns` is monotonic nanoseconds."""

    failing: bool
    since_ns: int


def _nobody(_: UUID, __: float) -> None:
    """Nobody waits."""


_ALL = Room(AT_ONCE, FAILING_AT_ONCE)


def room_beside(ways: Iterable[Way]) -> tuple[Room, timedelta | None]:
    """What may be taken beside what is under way; and, where nothing new may, how long until a young one is slow."""
    new = [way.since_ns for way in ways if not way.failing]
    failing = sum(way.failing for way in ways)
    young_since = monotonic_ns() - int(YOUNG_SECONDS * 1e9)
    young = [since for since in new if since > young_since]
    fresh = max(min(AT_ONCE - len(young), SLOW_AT_ONCE - len(new)), 0)
    soon = timedelta(microseconds=(min(young) - young_since) // 1000 + 1) if young and not fresh else None
    return Room(fresh, max(FAILING_AT_ONCE - failing, 0)), soon


@dataclass(slots=True)
class Deliverer:
    """Sends what subscriptions wait for. `ready` is told of a tenant when packages came back, and how soon to call
    `start` again: at once, or a moment later where most are still on their way, so that one unit records many.

    Units: the moment is in seconds; `back_off` and `lease_seconds` are seconds of wire time.
    """

    database: Database
    told: Mapping[Contract, Tellings]
    sender: WebhookSender
    back_off: Sequence[int] = webhooks.BACK_OFF
    lease_seconds: int = webhooks.LEASE_SECONDS
    ready: Callable[[UUID, float], None] = _nobody
    log: Any = field(default_factory=lambda: Log(WireClock()))
    _under_way: dict[UUID, dict[asyncio.Task[None], Way]] = field(
        default_factory=dict[UUID, "dict[asyncio.Task[None], Way]"]
    )
    _ended: dict[UUID, list[Outcome]] = field(default_factory=dict[UUID, "list[Outcome]"])

    async def start(self, tenant_id: UUID) -> timedelta | None:
        """Record, take and send in the background. Returns how long until there is more to do, None: until news.

        At most one call per tenant at a time. Raises: DatabaseDown.
        """
        running = self._under_way.setdefault(tenant_id, {})
        taken = await self.take(tenant_id, room_beside(running.values())[0])
        if taken.key is not None:
            for package in taken.packages:
                task = asyncio.create_task(self._attempt(tenant_id, package, taken.key))
                running[task] = Way(package.attempts > 0, monotonic_ns())
                task.add_done_callback(lambda ended: running.pop(ended, None))
        if not running:
            del self._under_way[tenant_id]
        soon = room_beside(running.values())[1]
        return taken.look_in if soon is None else min(soon, taken.look_in or soon)

    async def once(self, tenant_id: UUID) -> int:
        """Take and send one set, wait for all of it and record it. Returns how many arrived. Raises: DatabaseDown."""
        taken = await self.take(tenant_id)
        if taken.key is None:
            return 0
        sending = (self.attempt(package, taken.key) for package in taken.packages)
        outcomes = list(await asyncio.gather(*sending))
        held = await self.record(tenant_id, outcomes)
        return sum(outcome.failure is None and outcome.package.webhook_id in held for outcome in outcomes)

    async def take(self, tenant_id: UUID, room: Room = _ALL) -> Taken:
        """Record what has ended, pack what is due, lease what may be sent. Raises: DatabaseDown."""
        ended = self._ended.pop(tenant_id, [])

        async def work(unit: Unit) -> tuple[Taken, set[UUID]]:
            held = await webhooks.record_outcomes(unit, ended, self.back_off)
            await webhooks.build_packages(unit, self.told)
            packages = await webhooks.lease_packages(unit, room, self.lease_seconds)
            failing = sum(package.attempts > 0 for package in packages)
            left = Room(room.fresh - len(packages) + failing, room.failing - failing)
            look = await webhooks.next_look(unit, left)
            look_in = None if look.at is None else max(look.at - look.now, timedelta(0))
            return Taken(packages, await tenants.signing_key(unit) if packages else None, look_in), held

        try:
            taken, held = await self.database.write(tenant_id, work, n=0)
        except BaseException:
            self._ended.setdefault(tenant_id, []).extend(ended)
            raise
        if taken.packages:
            _AFTER_LEASE()
        if held:
            _AFTER_RECORD()
        self._tell(tenant_id, ended, held)
        return taken

    async def record(self, tenant_id: UUID, outcomes: Sequence[Outcome]) -> set[UUID]:
        """Record attempts; returns the subscriptions whose lease still held. Raises: DatabaseDown."""

        async def work(unit: Unit) -> set[UUID]:
            return await webhooks.record_outcomes(unit, outcomes, self.back_off)

        held = await self.database.write(tenant_id, work, n=0)
        self._tell(tenant_id, outcomes, held)
        return held

    async def attempt(self, package: LeasedPackage, key: SigningKey) -> Outcome:
        """Sign and send once. Only 200 to 299 means that the endpoint has it."""
        headers = (
            (b"openvest-sequence", f"{package.first_sequence}-{package.last_sequence}".encode()),
            (b"openvest-previous-sequence", str(package.previous_sequence).encode()),
        )
        try:
            receipt = await self.sender.send(
                WebhookRequest(package.url, package.body, key.id, key.private_pem, headers)
            )
        except NotSent as error:
            return Outcome(package, str(error))
        _AFTER_SEND()
        taken = 200 <= receipt.status <= 299
        return Outcome(package, None if taken else f"The endpoint answered {receipt.status}.")

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way and record it; what takes longer is left to its lease."""
        tasks = [task for running in self._under_way.values() for task in running]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        ended, self._ended = self._ended, {}
        for tenant_id, outcomes in ended.items():
            try:
                await self.record(tenant_id, outcomes)
            except Exception as error:  # the leases of these packages run out; those of other tenants are recorded
                self.log.warning("webhook.not_recorded", tenant=str(tenant_id), error=error)

    async def _attempt(self, tenant_id: UUID, package: LeasedPackage, key: SigningKey) -> None:
        try:
            outcome = await self.attempt(package, key)
            self._ended.setdefault(tenant_id, []).append(outcome)
        except Exception as error:
            self.log.error("webhook.fault", tenant=str(tenant_id), webhook=str(package.webhook_id), error=error)
        ended, running = len(self._ended.get(tenant_id, ())), len(self._under_way.get(tenant_id, ()))
        self.ready(tenant_id, 0.0 if 2 * ended >= running else GATHER_SECONDS)

    def _tell(self, tenant_id: UUID, outcomes: Sequence[Outcome], held: set[UUID]) -> None:
        for outcome in outcomes:
            package = outcome.package
            known = {"tenant": str(tenant_id), "webhook": str(package.webhook_id), "attempt": package.attempts + 1}
            if package.webhook_id not in held:
                self.log.warning("webhook.lease_lost", **known)
            elif outcome.failure is not None:
                self.log.info("webhook.failed", **known, sequence=package.first_sequence, reason=outcome.failure)
