"""COPY out of the database into something that may fail: a disk that is full, a value whose seal is broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


async def copy_out(connection: Connection, query: str, *values: Any, into: Callable[[bytes], Awaitable[None]]) -> None:
    """The rows of a query as COPY text, in pieces. Raises: what `into` raises, which then gets no further piece.

    Why only at the end: the driver cancels a COPY whose reader fails, and waits for ever where the server had sent all.
    """
    failed: list[Exception] = []

    async def take(piece: bytes) -> None:
        if not failed:
            try:
                await into(piece)
            except Exception as error:
                failed.append(error)

    await connection.copy_from_query(query, *values, output=take)
    if failed:
        raise failed[0]
