"""Whether the connections that a start may come to need fit the server of the database.

A pool opens its connections when they are needed, so what does not fit shows under load, as refusals in the middle of
the day. It is looked at before anything is made.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncpg

from openvest.db.address import Progress, silent
from openvest.db.checks import StartRefused
from openvest.db.cluster import MAX_CONNECTIONS
from openvest.db.connections import connect
from openvest.db.query import Query

POOL_SIZE = 10
"""Connections of one process that serves or works, the one that listens for news among them."""
BESIDE = 2
"""What a start needs beside the pools: it migrates and looks at the schema."""
COMMANDS = 10
"""What the embedded server keeps free for operator commands, beside three connections of a superuser."""
_RESERVED = 3
_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit and what is taken of it now. `name` is none where the server itself has it; -1: no limit."""

    kind: str
    name: str
    most: int
    reserved: int
    used: int

    @property
    def sentence(self) -> str:
        """Who allows how many, and how that is changed."""
        if self.kind == "server":
            most = f"the server of the database allows {self.most - self.reserved} (max_connections {self.most}, "
            return f"{most}{self.reserved} of them reserved)"
        return f"the {self.kind} {self.name} allows {self.most} (its CONNECTION LIMIT)"

    @property
    def remedy(self) -> str:
        if self.kind == "server":
            return "raise max_connections there"
        return f"raise it with ALTER {self.kind.upper()} {self.name} CONNECTION LIMIT"


LIMITS = Query(
    Limit,
    """
    with taken as (select datid, usesysid from pg_stat_activity where datid is not null and pid <> pg_backend_pid())
    select 'server' as kind, '' as name, current_setting('max_connections')::integer as most,
           current_setting('superuser_reserved_connections')::integer
             + coalesce(current_setting('reserved_connections', true)::integer, 0) as reserved,
           (select count(*)::integer from taken) as used
    union all
    select 'role', rolname::text, rolconnlimit, 0, (select count(*)::integer from taken where usesysid = r.oid)
      from pg_roles r where rolname = current_user and rolconnlimit >= 0
    union all
    select 'database', datname::text, datconnlimit, 0, (select count(*)::integer from taken where datid = d.oid)
      from pg_database d where datname = current_database() and datconnlimit >= 0
    """,
)


def needed(processes: int) -> int:
    """Connections that so many processes with a pool may come to hold, with what their start needs beside them."""
    return processes * POOL_SIZE + BESIDE


def room_for(processes: int) -> int:
    """What the embedded server must take for so many processes and the commands beside them."""
    return max(MAX_CONNECTIONS, needed(processes) + COMMANDS + _RESERVED)


async def check_room(
    url: str, processes: int, tell: Progress = silent, *, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """Refuse a start whose connections do not fit. Raises: StartRefused, what a connection raises.

    Why some patience: the sessions of a process that was just killed go away, but not at once.
    """
    deadline = time.monotonic() + patience_seconds
    need = needed(processes)
    while True:
        try:
            connection = await connect(url, tell=tell)
        except asyncpg.TooManyConnectionsError as error:
            refusal, lasting = f"The database takes no further connection ({error}); end what uses it.", False
        else:
            try:
                limits = [Limit(*row) for row in await connection.fetch(LIMITS.sql)]
            finally:
                await connection.close()
            tight = next((one for one in limits if need > one.most - one.reserved - one.used), None)
            if tight is None:
                return
            lasting = need > tight.most - tight.reserved
            used = "" if lasting else f", and {tight.used} of them are in use"
            refusal = (
                f"This start may need {need} connections, and {tight.sentence}{used}; {tight.remedy}, or start fewer "
                "processes (--workers)."
            )
        if lasting or time.monotonic() > deadline:
            raise StartRefused(refusal)
        await asyncio.sleep(_POLL_SECONDS)
