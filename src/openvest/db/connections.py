"""The pool, and what its connections are like."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import asyncpg

from openvest.core.snapshots import dumps

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]


class PlainConnection(asyncpg.Connection):  # pyright: ignore[reportMissingTypeArgument] - generic in the stubs only
    """A pooled connection that is not reset between uses: units set nothing beyond their transaction."""

    def get_reset_query(self) -> str:
        return ""


async def teach_json(connection: Connection) -> None:
    """Let json and jsonb come and go as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=_encode, decoder=json.loads, schema="pg_catalog")


def _encode(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


async def open_pool(dsn: str, *, size: int = 10, application: str = "openvest", idle_s: float = 300) -> Pool:
    """A pool of connections for the application role. `size` is the most connections it opens."""
    settings: Mapping[str, str] = {
        "application_name": application,
        "timezone": "UTC",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "60s",
        "search_path": "public",
        "jit": "off",
    }
    # Every unit of work already says that the database is away; the pool would say it again, in traces.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        connection_class=PlainConnection,
        init=teach_json,
        server_settings=dict(settings),
        statement_cache_size=1000,
        max_inactive_connection_lifetime=idle_s,
        command_timeout=60,
    )
