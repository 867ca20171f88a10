"""How operator commands work: inside the installation, over its own database, through the services."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from openvest.cli.failures import Failed
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import ListedTenant
from openvest.main.environment import read_place
from openvest.main.installation import Installation, Urls, opened, running_database

T = TypeVar("T")


def inside(data_dir: Path, work: Callable[[Installation], Awaitable[T]], show: Callable[[T], None]) -> T:
    """Open the installation, attached to a running one or started for as long as this takes; run the work, show it.

    Why shown in here: a database that was started for this is let go of only when no other command uses it.
    Raises: what `failure_of` knows.
    """

    async def run() -> T:
        place = read_place(data_dir)
        async with running_database(place, progress=_progress) as urls:
            async with opened(urls, place) as installation:
                done = await work(installation)
            _show(show, done)
            return done

    return asyncio.run(run())


def with_database(data_dir: Path, work: Callable[[Urls], Awaitable[T]], show: Callable[[T], None]) -> T:
    """The same without looking at the schema: for the commands that bring it up to date. Raises: as `inside`."""

    async def run() -> T:
        async with running_database(read_place(data_dir), progress=_progress) as urls:
            done = await work(urls)
            _show(show, done)
            return done

    return asyncio.run(run())


def _show(show: Callable[[T], None], done: T) -> None:
    show(done)
    sys.stdout.flush()


async def chosen_tenants(installation: Installation, name: str | None) -> list[ListedTenant]:
    """The tenant of this name, or all. Raises: Failed."""
    known = await tenants.all_tenants(installation.assembled.database)
    found = [tenant for tenant in known if name in (None, tenant.name)]
    if not found:
        there = ", ".join(tenant.name for tenant in known) or "none"
        wanted = f"There is no tenant {name}" if name else "There is no tenant yet"
        raise Failed(f"{wanted}; known: {there}.", "openvest client create --tenant NAME --contract v1 --scopes all")
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
