"""Figures of the whole installation, which the database is asked for whenever somebody looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openvest import catalog
from openvest.db.durability import DURABILITY, RISKS
from openvest.main.installation import Installation
from openvest.server.metrics import Asked
from openvest.work.dead_letters import hidden_work


def asked_of(installation: Installation) -> Sequence[Asked]:
    """What the process hands to its metrics; how durable commits are is a question of production alone."""

    async def waiting() -> Mapping[str, int]:
        found = {one.sweep: one.waiting for one in await hidden_work(installation.assembled.database)}
        return {kind.sweep: 0 for kind in catalog.DEAD_LETTER_KINDS} | found

    async def risks() -> Mapping[str, int]:
        found = await durability_risks(installation)
        return {risk: int(risk in found) for risk in RISKS}

    dead_letters = Asked(
        "openvest_work_dead_letters",
        "Rows of work that could not be decided and wait for somebody (openvest work list).",
        "work",
        waiting,
    )
    if installation.mode != "production":
        return (dead_letters,)
    said = "1 where a failover, or the loss of the server, may lose what was acknowledged (openvest doctor says why)."
    return (dead_letters, Asked("openvest_database_durability_risk", said, "risk", risks))


async def durability_risks(installation: Installation) -> Mapping[str, str]:
    """What would be lost with the server of the database, as sentences. Raises: DatabaseDown."""
    (found,) = await installation.assembled.database.ask(DURABILITY)
    return found.risks
