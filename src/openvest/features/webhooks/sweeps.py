"""Webhooks have no work in business time: packing and sending follow the wall clock and are the worker's."""

from __future__ import annotations

from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, WorkKept


async def _keep(unit: Unit, event_id: UUID) -> None:
    raise WorkKept("the packages have gone on without this event; see openvest events list, and drop it")


DEAD_LETTER_KINDS = [DeadLetterKind("webhooks.pack", "event that cannot be shown", "(values (true)) t", again=_keep)]
"""Packing is the worker's own, and what it leaves out is told like any other work."""
