"""What one process of a database does while no other does it: a lock that dies with its connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from openvest.db.connections import connect

FURNISHING = 7_203_114_915_000_002
"""Any fixed number; it names this lock among the database's advisory locks, beside that of the migrations."""


@asynccontextmanager
async def one_at_a_time(dsn: str, lock: int) -> AsyncGenerator[None]:
    """Wait for this lock and hold it as long as the block lasts.

    Why a connection of its own: units commit inside the block, and a session of the pool would be missing there.
    Raises: LockNotAvailableError after two minutes, OSError.
    """
    connection = await connect(dsn, server_settings={"lock_timeout": "120s", "statement_timeout": "0"})
    try:
        await connection.execute("select pg_advisory_lock($1)", lock)
        yield
    finally:
        await connection.close()
