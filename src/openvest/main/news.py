"""How news leaves a process: its wake, its courier, and the worker that uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openvest import catalog
from openvest.core.clock import WireClock
from openvest.core.webhook_urls import allow_list
from openvest.db.wake import Wake
from openvest.main import Assembled
from openvest.worker.courier import HttpCourier
from openvest.worker.deliveries import Deliverer
from openvest.worker.loop import Worker


@dataclass(slots=True)
class News:
    """What every process has that writes events or sends webhooks."""

    assembled: Assembled
    wire: WireClock
    wake: Wake
    courier: HttpCourier

    async def close(self) -> None:
        await self.wake.close()
        await self.courier.close()


def connect_news(assembled: Assembled, wire: WireClock, *, webhooks_to: tuple[str, ...] = ()) -> News:
    """Let commits wake the workers and tests of webhooks go out. `webhooks_to`: HOST:PORT entries for development.

    Raises: ValueError with a sentence for an entry of another form.
    """
    database = assembled.database
    database.webhook_allow_list = allow_list(webhooks_to)
    news = News(assembled, wire, Wake(database), HttpCourier(wire, database.webhook_allow_list))
    database.committed = news.wake.announce
    database.courier = news.courier
    return news


def make_worker(news: News, log: Any) -> Worker:
    """The worker of this process."""
    assembled = news.assembled
    table = {event.type: event for event in catalog.EVENTS}
    deliverer = Deliverer(assembled.database, table, news.courier, log=log)
    return Worker(assembled.database, assembled.runner, assembled.clockwork, deliverer, news.wake, news.wire, log=log)
