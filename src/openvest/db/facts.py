"""What `doctor` says about the embedded database, found without starting or changing anything."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from openvest.db.address import DatabaseAddress, EmbeddedError, read_address
from openvest.db.attach import answers
from openvest.db.binaries import Binaries, find_binaries
from openvest.db.cluster import dynamic_shared_memory
from openvest.db.data_dir import BASE_FOLDER, CLUSTER, POINTER, SYSTEM_USER, cluster_home, origin_of, user_name
from openvest.db.embedded import ADDRESS_FILE
from openvest.db.memory import machine_mb, memory_settings
from openvest.db.postmaster import is_alive


@dataclass(frozen=True, slots=True)
class EmbeddedFacts:
    """The findings. `trouble` holds sentences for what would stop a start; empty folders are None.

    `elsewhere` when the cluster is kept outside the data directory, because the user that runs it cannot go there.
    `abandoned` are clusters below our folder whose data directory is gone or has another one.
    """

    data_dir: Path
    binaries: Binaries | None
    runs_as: str
    cluster_folder: Path | None
    cluster_version: int | None
    elsewhere: bool
    copied_binaries: tuple[Path, ...]
    running: bool
    supervisor_pid: int | None
    socket_folder: Path | None
    shared_memory: str
    memory_mb: int
    abandoned: tuple[Path, ...]
    trouble: tuple[str, ...]

    def sentences(self) -> tuple[str, ...]:
        """The findings for a console, one line each."""
        said: list[str] = []
        if self.binaries is not None:
            said.append(f"PostgreSQL {self.binaries.version} from {self.binaries.source} ({self.binaries.folder})")
            taken = memory_settings(self.memory_mb, self.binaries.major)
            settings = ", ".join(f"{name} {value}" for name, value in taken.items())
            said.append(f"of {self.memory_mb / 1024:.1f} GB of memory it takes {settings}")
        said.append(f"it runs as the user {self.runs_as}")
        if self.copied_binaries:
            said.append(f"its programs are copied to {self.copied_binaries[0].parent}, where that user can run them")
        if self.cluster_folder is None:
            said.append(f"no database in {self.data_dir} yet; the first start makes it")
        elif self.elsewhere:
            said.append(
                f"the database of {self.data_dir} is kept in {self.cluster_folder}, because the user {self.runs_as} "
                f"cannot enter the data directory ({POINTER} says so)"
            )
        else:
            said.append(f"the database is kept in {self.cluster_folder}")
        if self.running:
            who = (
                f"supervised by process {self.supervisor_pid}"
                if self.supervisor_pid
                else "left behind by a killed OpenVest"
            )
            said.append(f"it is running, {who}, socket in {self.socket_folder}")
        said += [
            f"{folder} belongs to no data directory any more; remove it if you need the space"
            for folder in self.abandoned
        ]
        return (*said, *self.trouble)


def look(data_dir: Path, *, binaries: Path | None = None, base: Path = BASE_FOLDER) -> EmbeddedFacts:
    """Find the facts of a data directory. Never raises for what is merely wrong; that is in `trouble`."""
    data_dir = data_dir.expanduser().resolve()
    trouble: list[str] = []
    home: Path | None = None
    try:
        home = cluster_home(data_dir)
    except (EmbeddedError, OSError) as error:
        trouble.append(str(error))
    version = _version(home)
    found: Binaries | None = None
    try:
        found = find_binaries(binaries, major=version)
    except EmbeddedError as error:
        trouble.append(str(error))
    address: DatabaseAddress | None = None
    with contextlib.suppress(EmbeddedError, OSError, ValueError):
        address = read_address(data_dir / ADDRESS_FILE)
    running = address is not None and answers(address)
    copies = tuple(sorted((base / "binaries").glob("*/*/*/bin"))) if os.geteuid() == 0 else ()
    return EmbeddedFacts(
        data_dir=data_dir,
        binaries=found,
        runs_as=_runs_as(home),
        cluster_folder=home,
        cluster_version=version,
        elsewhere=home is not None and home != data_dir / CLUSTER,
        copied_binaries=copies,
        running=running,
        supervisor_pid=address.supervisor_pid if address is not None and is_alive(address.supervisor_pid) else None,
        socket_folder=address.host if address is not None else None,
        shared_memory=dynamic_shared_memory(),
        memory_mb=machine_mb(),
        abandoned=_abandoned(base),
        trouble=tuple(trouble),
    )


def _version(home: Path | None) -> int | None:
    if home is None:
        return None
    try:
        return int((home / "data" / "PG_VERSION").read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


def _runs_as(home: Path | None) -> str:
    """The name of the user, found without making one."""
    if os.geteuid() != 0:
        return user_name(os.geteuid())
    owner = (home / "data").stat().st_uid if home is not None else 0
    return user_name(owner) if owner else SYSTEM_USER


def _abandoned(base: Path) -> tuple[Path, ...]:
    """Clusters whose data directory does not point back at them. Only root may list them."""
    try:
        homes = sorted((base / "clusters").iterdir())
    except OSError:
        return ()
    return tuple(home for home in homes if not _is_wanted(home))


def _is_wanted(home: Path) -> bool:
    origin = origin_of(home)
    if origin is None:
        return False
    try:
        return (origin / POINTER).read_text(encoding="utf-8").strip() == str(home)
    except OSError:
        return False
