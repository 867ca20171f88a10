"""What `doctor` finds. Nothing is started and nothing is changed."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from openvest.cli.versions import version_of
from openvest.db.address import read_address
from openvest.db.attach import SERVE_FILE
from openvest.db.checks import StartRefused
from openvest.db.connections import open_pool
from openvest.db.durability import DURABILITY
from openvest.db.embedded import ADDRESS_FILE, read_note
from openvest.db.facts import EmbeddedFacts, look
from openvest.db.migrate import SchemaRefused
from openvest.db.postmaster import is_alive
from openvest.db.unit import Database
from openvest.main import installation, layout
from openvest.main.environment import Environment, read_environment
from openvest.main.exposure import is_free, next_free
from openvest.main.first_start import PROFILE
from openvest.main.listeners import descends, listener, name_of
from openvest.main.profiles import known_url
from openvest.work import dead_letters

T = TypeVar("T")
OLDEST_PYTHON = (3, 11)
_PACKAGES = ("httptools", "asyncpg", "uvloop", "cryptography", "pydantic")


def hidden_work(data_dir: Path) -> list[str]:
    """Sentences about work that was set aside and waits for somebody, where the database runs and says so."""
    return [
        f"{one.waiting} of {one.sweep} set aside, since {one.since:%Y-%m-%d %H:%M}; openvest work list shows it."
        for one in _asked(data_dir, dead_letters.hidden_work)
    ]


def durability_risks(data_dir: Path) -> list[str]:
    """Sentences about what a production would lose with the server of its database, where that runs and says so."""

    async def risks(database: Database) -> list[str]:
        if (await database.ask(installation.MODE)) != ["production"]:
            return []
        (found,) = await database.ask(DURABILITY)
        return list(found.risks.values())

    return _asked(data_dir, risks)


def _asked(data_dir: Path, question: Callable[[Database], Awaitable[list[T]]]) -> list[T]:
    """What the database answers; nothing where it does not run, and why not is said where it is looked at."""
    environment = read_environment(data_dir)
    url = environment.database_url
    if url is None:
        facts = look(environment.data_dir, binaries=environment.binaries)
        if not facts.running or facts.cluster_folder is None:
            return []
        url = read_address(environment.data_dir / ADDRESS_FILE).app_dsn()

    async def ask(url: str) -> list[T]:
        pool = await open_pool(url, size=1, application="doctor")
        try:
            return await question(Database(pool))
        finally:
            await pool.close()

    try:
        return asyncio.run(ask(url))
    except Exception:
        return []


def look_around(data_dir: Path, host: str | None, port: int | None) -> tuple[list[str], list[str]]:
    """Lines about what is there, and sentences about what would stop a start."""
    environment = read_environment(data_dir)
    lines = [f"OpenVest {version_of('openvest')}, Python {platform.python_version()}, {platform.platform(terse=True)}"]
    lines.append(", ".join(f"{name} {version_of(name)}" for name in _PACKAGES))
    troubles: list[str] = []
    if sys.version_info < OLDEST_PYTHON:
        troubles.append("Python is too old; run make setup with PYTHON naming 3.11 or newer.")
    troubles += _folder(environment.data_dir)
    if environment.database_url is None:
        facts = look(environment.data_dir, binaries=environment.binaries)
        lines += list(facts.sentences()[: len(facts.sentences()) - len(facts.trouble)])
        troubles += facts.trouble
        troubles += _inside(environment, facts)
        if facts.cluster_folder is not None and not facts.running:
            lines.append("it is not running, so nobody looked inside; openvest db check does")
    else:
        found, wrong = asyncio.run(_ask(environment, environment.database_url))
        lines += found
        troubles += wrong
    lines += _keys(environment, troubles)
    (troubles if (told := _port(environment, host, port)).stops else lines).append(told.sentence)
    return lines, list(dict.fromkeys(troubles))


@dataclass(frozen=True, slots=True)
class _Told:
    """A finding, and whether it would stop a start."""

    sentence: str
    stops: bool = False


def _port(environment: Environment, host: str | None, port: int | None) -> _Told:
    """Whether the port can be had: the one asked about, else where the profile says this server is, else the usual."""
    known = urlsplit(known_url(environment.data_dir))
    host, port = host or known.hostname or "127.0.0.1", port or known.port or 8000
    if is_free(host, port):
        return _Told(f"port {port} is free")
    holder = listener(port)
    if _is_ours(environment, holder, port == known.port):
        return _Told(f"OpenVest listens on port {port}" + (f" (process {holder})" if holder else ""))
    who = f"process {holder} ({name_of(holder)})" if holder else "another process"
    free = next_free(host, port + 1)
    hint = f"start with --port {free}" if free else "start with another --port"
    return _Told(f"Port {port} is taken by {who}; {hint}, or end that process.", stops=True)


def _is_ours(environment: Environment, holder: int | None, is_known: bool) -> bool:
    """Whether who listens serves this data directory, as far as can be seen from here."""
    if environment.database_url is None:
        serving = read_note(environment.data_dir / SERVE_FILE).get("pid")
        if isinstance(serving, int) and is_alive(serving):
            return descends(holder, serving) if holder else is_known
        if not look(environment.data_dir, binaries=environment.binaries).running:
            return False
    return is_known and (holder is None or "openvest" in name_of(holder))


def _inside(environment: Environment, facts: EmbeddedFacts) -> list[str]:
    """What would stop a start and is seen in the embedded database, or beside it where it is not running."""
    if facts.cluster_folder is None:
        return []
    try:
        if facts.running:
            asyncio.run(installation.check_whole(installation.embedded_urls(environment.data_dir), environment))
        else:
            installation.check_noted_key(environment)
    except (StartRefused, SchemaRefused) as error:
        return [str(error)]
    except Exception as error:
        return [f"The embedded database does not answer ({error}); stop what runs there and start it again."]
    return []


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


def _keys(environment: Environment, troubles: list[str]) -> list[str]:
    lines: list[str] = []
    file = environment.data_dir / installation.KEY_FILE
    if environment.master_key is not None or file.exists():
        try:
            installation.master_key(environment, "sandbox")
        except StartRefused as error:
            troubles.append(str(error))
    if environment.master_key is not None:
        lines.append("the master key comes from OPENVEST_MASTER_KEY")
    elif file.exists():
        lines.append(f"the master key is in {file}")
    else:
        lines.append(f"no master key yet; the first start of a sandbox makes {file}")
    profile = environment.data_dir / PROFILE
    lines.append(f"the profile is {profile}" if profile.exists() else f"no profile yet; serve makes {profile}")
    return lines


async def _ask(environment: Environment, url: str) -> tuple[list[str], list[str]]:
    """About the database of DATABASE_URL."""
    lines, troubles = ["the database is that of DATABASE_URL"], list[str]()
    try:
        urls = await installation.named_database(environment, url)
        await installation.check_whole(urls, environment)
        lines.append("its settings, schema and role are as they must be, and the master key opens it")
        lines.append(f"it is {await layout.sentence(urls)}")
    except (StartRefused, SchemaRefused) as error:
        troubles.append(str(error))
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        troubles.append(f"It does not answer ({said}); start it, or correct DATABASE_URL.")
    if environment.admin_url is None:
        lines.append("DATABASE_ADMIN_URL is not set; db migrate and the imports need it")
    return lines, troubles
