"""What a pooled connection is like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import asyncpg

from openvest.core.snapshots import dumps

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


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
