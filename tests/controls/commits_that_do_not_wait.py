"""`openvest …`, but commits do not wait for the disk and the start-up check that would refuse that looks away.

The database forgets up to 30 seconds of commits when all its processes die at once.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg

from openvest.cli import app
from openvest.db.attach import attach_or_start
from openvest.main import installation


async def look_away(_: Any) -> None:
    """In the place of the check of the server's settings."""


async def weaken(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("alter system set synchronous_commit = off")
        await connection.execute("alter system set wal_writer_delay = '10s'")
        await connection.execute("alter system set wal_writer_flush_after = '1GB'")
        await connection.execute("select pg_reload_conf()")
    finally:
        await connection.close()


def main() -> None:
    if sys.argv[1] == "serve":
        with attach_or_start(Path(sys.argv[sys.argv.index("--data-dir") + 1])) as address:
            asyncio.run(weaken(address.superuser_dsn()))
    installation.check_server_settings = look_away
    app.main()


if __name__ == "__main__":
    main()
