"""The composition root: puts the program together.

`environment` is the only reader of the environment, `installation` opens the database of an installation, `processes`
runs the server and the worker over it, `first_start` furnishes a sandbox. Everything else is handed what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from openvest import catalog
from openvest.core.sealing import Secrets
from openvest.db.unit import Database
from openvest.ports import Ports
from openvest.ports.stored_prices import StoredPrices
from openvest.ports.unconnected import UnconnectedBank, UnconnectedIdentity, UnconnectedVenue
from openvest.ports.webhook_sender import WebhookSender
from openvest.simulation.assembly import simulated_ports
from openvest.work.clockwork import Clockwork
from openvest.work.dead_letters import by_sweep
from openvest.work.reactions import reacting
from openvest.work.runner import DRAIN_SECONDS, Runner

if TYPE_CHECKING:
    from openvest.db.unit import Pool

Mode = Literal["sandbox", "production"]


@dataclass(slots=True)
class Assembled:
    """The parts of one process that share a database. `sender`: None where nothing can be sent from here."""

    database: Database
    runner: Runner
    clockwork: Clockwork
    sender: WebhookSender | None = None


def assemble(pool: Pool, *, seed: str, secrets: Secrets, mode: Mode = "sandbox") -> Assembled:
    """The database with the catalog's hooks, the runner over its work, the clock over the runner.

    `mode` decides who stands outside: in a sandbox simulators, in production nobody until an adapter is connected.
    """
    database = Database(
        pool,
        seed=seed,
        secrets=secrets,
        before_events=(reacting(catalog.REACTIONS), *catalog.PUBLISHERS),
        after_events=catalog.CLOSERS,
    )
    ports = outside_world(database, mode)
    database.prices = ports.prices
    runner = Runner(database, catalog.WORKS, ports, dead_letter_kinds=by_sweep(catalog.DEAD_LETTER_KINDS))

    async def drain(tenant_id: UUID) -> None:
        await runner.drain(tenant_id, within_s=DRAIN_SECONDS)

    database.drain = drain
    return Assembled(database, runner, Clockwork(runner))


def outside_world(database: Database, mode: Mode) -> Ports:
    """The adapters of this process. In production simulators are refused by their own assembly too."""
    if mode == "sandbox":
        return simulated_ports(database, mode)
    return Ports(UnconnectedVenue(), UnconnectedIdentity(), StoredPrices(), UnconnectedBank())
