"""Everything between the lock of a data directory and the start of its server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openvest.core.failpoints import failpoint
from openvest.db import cluster, postmaster
from openvest.db.address import Passwords, Progress
from openvest.db.binaries import Binaries, binaries_for, find_binaries
from openvest.db.data_dir import RunsAs, claim, new_home, point_to, runs_as

_BEFORE_POINTER = failpoint("database.before_pointer")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cluster and all that is needed to run it. `home` holds `data` and `log`.

    It is at rest, unless `running` names the server that others use.
    """

    home: Path
    user: RunsAs
    binaries: Binaries
    passwords: Passwords
    running: int | None = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def logs(self) -> Path:
        return self.home / "log"


def make(data_dir: Path, named: Path | None, base: Path, progress: Progress) -> Prepared:
    """The cluster of a first start. The pointer is written last, so that a crash on the way leaves no half a database.

    Raises: EmbeddedError.
    """
    user = runs_as()
    binaries = binaries_for(find_binaries(named), user, base, progress)
    home = new_home(data_dir, user, base)
    passwords = cluster.ensure_passwords(binaries, data_dir, None, user, progress)
    cluster.make_cluster(binaries, home, user, passwords, progress)
    _BEFORE_POINTER()
    point_to(data_dir, home)
    return Prepared(home, user, binaries, passwords)


def adopt(data_dir: Path, home: Path, named: Path | None, base: Path, progress: Progress, *, keep: bool) -> Prepared:
    """The cluster of an earlier start, with what a killed supervisor left behind cleared away.

    `keep` leaves a running server alone, because others use it. Without its passwords nobody new could.
    Raises: EmbeddedError.
    """
    claim(data_dir, home)
    data = home / "data"
    user = runs_as(data.stat().st_uid)
    major = int((data / "PG_VERSION").read_text(encoding="ascii").strip())
    binaries = binaries_for(find_binaries(named, major=major), user, base, progress)
    running = postmaster.running(data) if keep and cluster.knows_passwords(data_dir) else None
    if running is None:
        postmaster.clear_way(data, progress)
    passwords = cluster.ensure_passwords(binaries, data_dir, data, user, progress)
    return Prepared(home, user, binaries, passwords, running)
