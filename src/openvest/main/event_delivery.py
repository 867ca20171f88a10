"""How news leaves a process: its wake, its webhook sender, and the worker that uses them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from openvest import catalog
from openvest.core.clock import WireClock
from openvest.core.logs import Log
from openvest.core.webhook_urls import allow_list
from openvest.db.wake import Wake
from openvest.main import Assembled
from openvest.worker.deliveries import Deliverer
from openvest.worker.loop import Worker
from openvest.worker.webhook_sender import HttpWebhookSender

WORKER_PATIENCE_S = 5.0
"""How long a worker drains one tenant in vain before it gives its place to another. A request has no other to do."""


@dataclass(frozen=True, slots=True)
class WorkLog:
    """What did not come through, in the log: without the text of the error, which may quote the row."""

    log: Log

    def dead_letter(self, tenant_id: UUID, work: str, row_id: UUID, error: BaseException) -> None:
        self.log.error("work.dead_letter", tenant=str(tenant_id), work=work, row=str(row_id), error=error)

    def put_off(self, tenant_id: UUID, work: str, error: BaseException, seconds: float) -> None:
        self.log.warning("work.put_off", tenant=str(tenant_id), work=work, seconds=seconds, error=error)


@dataclass(slots=True)
class EventDelivery:
    """What every process has that writes events or sends webhooks; `allow_list` says where else these may go."""

    assembled: Assembled
    wire: WireClock
    wake: Wake
    sender: HttpWebhookSender
    allow_list: frozenset[str]

    async def close(self) -> None:
        await self.wake.close()
        await self.sender.close()


def connect_event_delivery(
    assembled: Assembled, wire: WireClock, *, webhooks_to: tuple[str, ...] = ()
) -> EventDelivery:
    """Let commits wake the workers, tests of webhooks go out, and work that does not come through be logged.

    `webhooks_to`: HOST:PORT entries for development.

    Raises: ValueError with a sentence for an entry of another form.
    """
    database = assembled.database
    allowed = allow_list(webhooks_to)
    delivery = EventDelivery(assembled, wire, Wake(database), HttpWebhookSender(wire, allowed), allowed)
    database.committed = delivery.wake.announce
    assembled.sender = delivery.sender
    assembled.runner.ear = WorkLog(Log(wire))
    return delivery


def make_worker(delivery: EventDelivery, log: Log) -> Worker:
    """The worker of this process."""
    assembled = delivery.assembled
    deliverer = Deliverer(assembled.database, catalog.TOLD, delivery.sender, log=log)
    runner = replace(assembled.runner, patience_s=WORKER_PATIENCE_S)
    clockwork = replace(assembled.clockwork, runner=runner)
    return Worker(assembled.database, runner, clockwork, deliverer, delivery.wake, delivery.wire, log=log)
