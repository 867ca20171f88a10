"""What `doctor` finds. Nothing is started and nothing is changed."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from pathlib import Path

from openvest.cli.versions import version_of
from openvest.db.address import read_address
from openvest.db.checks import StartRefused
from openvest.db.connections import open_pool
from openvest.db.embedded import ADDRESS_FILE
from openvest.db.facts import look
from openvest.db.migrate import SchemaRefused
from openvest.db.unit import Database
from openvest.main import installation
from openvest.main.environment import Place, read_place
from openvest.main.exposure import next_free
from openvest.main.first_start import PROFILE
from openvest.work import aside
from openvest.work.aside import Waiting

OLDEST_PYTHON = (3, 11)
_PACKAGES = ("granian", "asyncpg", "uvloop", "cryptography", "pydantic")


def hidden_work(data_dir: Path) -> list[str]:
    """Sentences about work that was set aside and waits for somebody, where the database runs and says so."""
    place = read_place(data_dir)
    url = place.database_url
    if url is None:
        facts = look(place.data_dir, binaries=place.binaries)
        if not facts.running or facts.cluster_folder is None:
            return []
        url = read_address(place.data_dir / ADDRESS_FILE).app_dsn()
    try:
        found = asyncio.run(_hidden(url))
    except Exception:  # what is wrong with the database is said where the database is looked at
        return []
    return [
        f"{one.waiting} of {one.sweep} set aside, since {one.since:%Y-%m-%d %H:%M}; openvest work list shows it."
        for one in found
    ]


async def _hidden(url: str) -> list[Waiting]:
    pool = await open_pool(url, size=1, application="doctor")
    try:
        return await aside.hidden_work(Database(pool))
    finally:
        await pool.close()


def look_around(data_dir: Path) -> tuple[list[str], list[str]]:
    """Lines about what is there, and sentences about what would stop a start."""
    place = read_place(data_dir)
    lines = [f"OpenVest {version_of('openvest')}, Python {platform.python_version()}, {platform.platform(terse=True)}"]
    lines.append(", ".join(f"{name} {version_of(name)}" for name in _PACKAGES))
    troubles: list[str] = []
    if sys.version_info < OLDEST_PYTHON:
        troubles.append("Python is too old; run make setup with PYTHON naming 3.11 or newer.")
    troubles += _folder(place.data_dir)
    if place.database_url is None:
        facts = look(place.data_dir, binaries=place.binaries)
        lines += list(facts.sentences()[: len(facts.sentences()) - len(facts.trouble)])
        troubles += facts.trouble
    else:
        found, wrong = asyncio.run(_ask(place, place.database_url))
        lines += found
        troubles += wrong
    lines += _keys(place)
    free = next_free("127.0.0.1", 8000)
    lines.append("port 8000 is free" if free == 8000 else f"port 8000 is taken; the next free one is {free}")
    return lines, troubles


def _folder(data_dir: Path) -> list[str]:
    """What is wrong with the data directory, or with the folder it would be made in."""
    here = data_dir.expanduser().resolve()
    while not here.exists():
        here = here.parent
    if not here.is_dir():
        return [f"{here} is a file; choose another folder with --data-dir."]
    if not os.access(here, os.W_OK | os.X_OK):
        return [f"{here} cannot be written by this user; choose another folder with --data-dir."]
    return []


def _keys(place: Place) -> list[str]:
    lines: list[str] = []
    file = place.data_dir / installation.KEY_FILE
    if place.master_key is not None:
        lines.append("the master key comes from OPENVEST_MASTER_KEY")
    elif file.exists():
        lines.append(f"the master key is in {file}")
    else:
        lines.append(f"no master key yet; the first start of a sandbox makes {file}")
    profile = place.data_dir / PROFILE
    lines.append(f"the profile is {profile}" if profile.exists() else f"no profile yet; serve makes {profile}")
    return lines


async def _ask(place: Place, url: str) -> tuple[list[str], list[str]]:
    """About the database of DATABASE_URL."""
    lines, troubles = ["the database is that of DATABASE_URL"], list[str]()
    try:
        await installation.check(await installation.named_database(place, url))
        lines.append("its settings, schema and role are as they must be")
    except (StartRefused, SchemaRefused) as error:
        troubles.append(str(error))
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        troubles.append(f"It does not answer ({said}); start it, or correct DATABASE_URL.")
    if place.admin_url is None:
        lines.append("DATABASE_ADMIN_URL is not set; db migrate and the imports need it")
    return lines, troubles
