"""What the environment says. Nobody else reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installation is: its data directory, and its database if that is not embedded there."""

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    admin_url: str | None = field(default=None, repr=False)
    binaries: Path | None = None
    master_key: str | None = field(default=None, repr=False)
    failpoint: str | None = None


def read_place(data_dir: Path) -> Place:
    """The installation of a data directory, as DATABASE_URL, DATABASE_ADMIN_URL, OPENVEST_POSTGRES_BIN,
    OPENVEST_MASTER_KEY and, for tests of crashes, OPENVEST_FAILPOINT have it."""
    binaries = os.environ.get("OPENVEST_POSTGRES_BIN")
    return Place(
        data_dir=data_dir,
        database_url=os.environ.get("DATABASE_URL") or None,
        admin_url=os.environ.get("DATABASE_ADMIN_URL") or None,
        binaries=Path(binaries) if binaries else None,
        master_key=os.environ.get("OPENVEST_MASTER_KEY") or None,
        failpoint=os.environ.get("OPENVEST_FAILPOINT") or None,
    )


def forget_database_urls() -> None:
    """Let this process and those it starts use the embedded database, whatever its caller has set."""
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL"):
        os.environ.pop(name, None)
