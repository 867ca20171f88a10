"""The layout of an installation's database: plain, or distributed over the nodes of a cluster."""

from __future__ import annotations

from openvest.catalog import LAYOUTS
from openvest.db import distribute as layout
from openvest.db.address import Progress, silent
from openvest.db.distribute import Standing
from openvest.db.migrate import check_schema
from openvest.main.installation import Urls, as_app, as_owner


async def distribute(urls: Urls, shards: int | None = None, progress: Progress = silent) -> Standing:
    """Lay the database out over the nodes of its cluster. Raises: StartRefused, SchemaRefused, OSError."""
    async with as_owner(urls) as connection:
        await check_schema(connection)
        owner = await connection.fetchval("select current_user")
        return await layout.distribute(connection, LAYOUTS, (urls.app_role, owner), shards=shards, progress=progress)


async def sentence(urls: Urls) -> str:
    """Where the tables stand. Raises: OSError."""
    async with as_app(urls) as connection:
        return (await layout.standing(connection, LAYOUTS)).sentence()
