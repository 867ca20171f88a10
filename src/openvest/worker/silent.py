"""Sessions of processes that stand still, which hold what others wait for: whoever lives ends them.

PostgreSQL ends a transaction whose client is silent between two statements. Within one it does not count: while it
waits for the second half of a statement that is prepared, or for a client that does not read, neither its limit of idle
time nor that of a statement ends anything. And a lock of a session, as a frozen tenant's turn is, has no limit. A
process that is stopped there would keep its rows, its numbering or its turn from everybody for as long as it stands.

Source: PostgreSQL, ProcessInterrupts (a cancel waits for the end of the message that is read); db/connections.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from openvest.db.query import Query
from openvest.db.unit import Database

LOOK_SECONDS = 5.0
"""How often one looks. What stands as it stood the last time is silent: between two halves lie milliseconds."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session of another, and since when it stands as it does."""

    pid: int
    since: datetime


# Whose turn it is may wait for an answer from outside, which takes 10 s at most, with the lock in an idle session.
_SILENT = Query(
    Session,
    """
    select a.pid, a.state_change as since from pg_stat_activity a
     where a.datname = current_database() and a.usename = current_user and a.pid <> pg_backend_pid()
       and a.application_name = current_setting('application_name')
       and (a.state = 'active' and a.wait_event_type = 'Client' and a.xact_start is not null
         or a.state = 'idle' and a.state_change < wire_now() - interval '30 seconds'
            and a.pid in (select l.pid from pg_locks l where l.locktype = 'advisory' and l.granted))
    """,
)
# Among what is selected: as a condition it would be asked of sessions that other conditions leave out.
_END = Query(
    bool, "select pg_terminate_backend(a.pid) from pg_stat_activity a where a.pid = $1 and a.state_change = $2"
)


@dataclass(slots=True)
class SilentSessions:
    """What was silent at the last look."""

    database: Database
    _seen: frozenset[Session] = field(default_factory=frozenset[Session])

    async def end(self) -> list[int]:
        """End what is as silent as the last time. Returns their process ids at the server. Raises: DatabaseDown."""
        silent = frozenset(await self.database.ask(_SILENT))
        ended = [one.pid for one in silent & self._seen if True in await self.database.ask(_END, one.pid, one.since)]
        self._seen = silent
        return ended
