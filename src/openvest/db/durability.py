"""What of the acknowledged would be lost with the server of the database, as the server itself describes it.

A start refuses what loses commits in a crash (`checks.py`). What is looked at here is no fault of a server, but of a
production that is to survive the loss of one.

Source: docs/operations/high_availability.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openvest.db.query import Query

RISKS = ("no_standby", "asynchronous", "synchronous_commit")
_WEAK = ("off", "local", "remote_write")


@dataclass(frozen=True, slots=True)
class Durability:
    """How the commits of this session are kept. `synchronous` is None where the role may not see which standby is."""

    waits_for: str
    names: str
    standbys: int
    synchronous: int | None

    @property
    def risks(self) -> Mapping[str, str]:
        """What is wrong, a sentence for each of RISKS that holds."""
        found: dict[str, str] = {}
        connected = self.standbys if self.synchronous is None or not self.names else self.synchronous
        if not connected:
            waits = f", and writes wait for one of {self.names}" if self.names else ""
            found["no_standby"] = f"No {'synchronous ' if self.names else ''}standby is connected{waits}; start one."
        if not self.names:
            found["asynchronous"] = (
                "Commits wait for no standby, so a failover loses what was acknowledged last; name one in "
                "synchronous_standby_names (Patroni: synchronous_mode)."
            )
        if self.waits_for in _WEAK:
            found["synchronous_commit"] = (
                f"synchronous_commit is {self.waits_for}, so a failover may lose what was acknowledged; "
                "set it to on for the role that serves."
            )
        return found


# Whoever is not of pg_read_all_stats sees that somebody replicates, and nothing else of it.
DURABILITY = Query(
    Durability,
    """
    select current_setting('synchronous_commit') as waits_for, current_setting('synchronous_standby_names') as names,
           (select count(*)::integer from pg_stat_replication) as standbys,
           case when pg_has_role('pg_read_all_stats', 'usage')
                then (select count(*)::integer from pg_stat_replication where sync_state in ('sync', 'quorum'))
           end as synchronous
    """,
)
