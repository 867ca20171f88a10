"""What the environment says. Nobody else reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from openvest.db.checks import StartRefused

URL_FORM = "postgresql://ROLE:PASSWORD@HOST:5432/DATABASE"


@dataclass(frozen=True, slots=True)
class Environment:
    """Where an installation is: its data directory, and its database if that is not embedded there."""

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    admin_url: str | None = field(default=None, repr=False)
    binaries: Path | None = None
    master_key: str | None = field(default=None, repr=False)
    failpoint: str | None = None


def read_environment(data_dir: Path) -> Environment:
    """The installation of a data directory, as DATABASE_URL, DATABASE_ADMIN_URL, OPENVEST_POSTGRES_BIN,
    OPENVEST_MASTER_KEY and, for tests of crashes, OPENVEST_FAILPOINT have it.

    Raises: StartRefused for a URL that is none of PostgreSQL.
    """
    binaries = os.environ.get("OPENVEST_POSTGRES_BIN")
    return Environment(
        data_dir=data_dir,
        database_url=_url("DATABASE_URL"),
        admin_url=_url("DATABASE_ADMIN_URL"),
        binaries=Path(binaries) if binaries else None,
        master_key=os.environ.get("OPENVEST_MASTER_KEY") or None,
        failpoint=os.environ.get("OPENVEST_FAILPOINT") or None,
    )


def export_key() -> str | None:
    """The key of files of tenants, where OPENVEST_EXPORT_KEY gives it."""
    return os.environ.get("OPENVEST_EXPORT_KEY") or None


def _url(name: str) -> str | None:
    """Why not its text in the sentence: it holds a password."""
    text = os.environ.get(name)
    if not text:
        return None
    try:
        parts = urlsplit(text)
        # Several hosts may be named, each with its port; an address in brackets has colons of its own.
        hosts = [host.rpartition("]")[2] for host in parts.netloc.rpartition("@")[2].split(",")]
        ports = [host.rpartition(":")[2] for host in hosts if ":" in host]
        good = parts.scheme in ("postgresql", "postgres") and all(0 < int(port) < 65536 for port in ports if port)
    except ValueError:
        good = False
    if not good:
        raise StartRefused(f"{name} is not the URL of a PostgreSQL database; write it as {URL_FORM}.")
    return text


def forget_database_urls() -> None:
    """Let this process and those it starts use the embedded database, whatever its caller has set."""
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL"):
        os.environ.pop(name, None)
