"""The composition root: puts the program together. The only reader of the environment.

Everything else is handed what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openvest import catalog
from openvest.core.sealing import Secrets
from openvest.db.unit import Database
from openvest.work.clockwork import Clockwork
from openvest.work.runner import Runner

if TYPE_CHECKING:
    from openvest.db.unit import Pool


@dataclass(slots=True)
class Assembled:
    """The parts of one process that share a database."""

    database: Database
    runner: Runner
    clockwork: Clockwork


def assemble(pool: Pool, *, seed: str, secrets: Secrets, ports: Any = None) -> Assembled:
    """The database with the catalog's hooks, the runner over its work, the clock over the runner."""
    database = Database(
        pool,
        seed=seed,
        secrets=secrets,
        reactions=catalog.REACTIONS,
        publishers=catalog.PUBLISHERS,
        closers=catalog.CLOSERS,
    )
    runner = Runner(database, catalog.WORKS, ports)

    async def drain(tenant_id: Any) -> None:
        await runner.drain(tenant_id)

    database.drain = drain
    return Assembled(database, runner, Clockwork(runner))
