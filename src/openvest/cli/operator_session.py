"""How operator commands work: inside the installation, over its own database, through the services."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from openvest.cli.failures import Failed
from openvest.db.data_dir import cluster_home
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import ListedTenant
from openvest.main.environment import Environment, read_environment
from openvest.main.installation import Installation, Urls, opened, running_database

T = TypeVar("T")


def inside(
    data_dir: Path, work: Callable[[Installation], Awaitable[T]], show: Callable[[T], None], *, first: bool = False
) -> T:
    """Open the installation, attached to a running one or started for as long as this takes; run the work, show it.

    `first`: the command may be the first on its data directory; others do not make a database to find it empty.
    Why shown in here: a database that was started for this is let go of only when no other command uses it.
    Raises: what `failure_of` knows.
    """

    async def run() -> T:
        environment = read_environment(data_dir)
        if not first:
            _check_there(environment)
        async with running_database(environment, progress=_progress) as urls:
            async with opened(urls, environment) as installation:
                done = await work(installation)
            _show(show, done)
            return done

    return asyncio.run(run())


def with_database(
    data_dir: Path, work: Callable[[Urls], Awaitable[T]], show: Callable[[T], None], *, first: bool = False
) -> T:
    """The same without looking at the schema: for the commands that bring it up to date. Raises: as `inside`."""

    async def run() -> T:
        environment = read_environment(data_dir)
        if not first:
            _check_there(environment)
        async with running_database(environment, progress=_progress) as urls:
            done = await work(urls)
            _show(show, done)
            return done

    return asyncio.run(run())


def _check_there(environment: Environment) -> None:
    """Raises: Failed where no database was made yet, which more often is another folder than the one that was meant."""
    folder = environment.data_dir.expanduser().resolve()
    if environment.database_url is None and (folder.is_dir() or not folder.exists()) and cluster_home(folder) is None:
        raise Failed(
            f"There is no database in {folder}.",
            "name the folder it is in with --data-dir, or make one with openvest serve",
        )


def _show(show: Callable[[T], None], done: T) -> None:
    show(done)
    sys.stdout.flush()


async def chosen_tenants(installation: Installation, name: str | None) -> list[ListedTenant]:
    """The tenant of this name, or all. Raises: Failed."""
    known = await tenants.all_tenants(installation.assembled.database)
    found = [tenant for tenant in known if name in (None, tenant.name)]
    if not known:
        raise Failed("There is no tenant yet.", "openvest client create --tenant NAME --contract v1 --scopes all")
    if not found:
        there = ", ".join(tenant.name for tenant in known)
        raise Failed(f"There is no tenant {name}; known: {there}.", f"name one of them: --tenant {known[0].name}")
    return found


async def one_tenant(installation: Installation, name: str | None) -> ListedTenant:
    """The tenant of this name, or the only one. Raises: Failed."""
    found = await chosen_tenants(installation, name)
    if len(found) > 1:
        listed = ", ".join(tenant.name for tenant in found)
        raise Failed(f"There are several tenants: {listed}.", f"say which one: --tenant {found[0].name}")
    return found[0]


def _progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
