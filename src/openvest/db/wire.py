"""Setting a process's wire clock by the database's."""

from __future__ import annotations

from datetime import datetime

from openvest.core.clock import WireClock, monotonic_ns
from openvest.db.query import Query
from openvest.db.unit import Database, DatabaseDown

WIRE_NOW = Query(datetime, "select wire_now()")


async def measure(database: Database, wire: WireClock) -> bool:
    """Set the wire clock by the database's. False where it cannot be reached."""
    asked = monotonic_ns()
    try:
        now = (await database.ask(WIRE_NOW))[0]
    except DatabaseDown:
        return False
    wire.measure(now, asked, monotonic_ns())
    return True
