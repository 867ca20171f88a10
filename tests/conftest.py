"""Fixtures every test may use: a real PostgreSQL, an empty migrated database, a tenant; and who runs which test."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Generator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from openvest.core.memory import collect_rarely
from openvest.db.unit import Database
from openvest.main import Assembled, assemble
from tests.kit.cluster import Cluster, start_cluster
from tests.kit.kept import Keeper
from tests.kit.lifecycles import untold_anywhere
from tests.kit.pace import collected_from, dealt, noted, slope, watched
from tests.kit.world import SECRETS, SEED, make_tenant


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    worker: dict[str, int] | None = getattr(config, "workerinput", None)
    if worker is not None:
        items[:] = dealt(items, worker["workercount"])


def pytest_configure(config: pytest.Config) -> None:
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        gc.disable()  # nothing is thrown away while a worker collects
        if config.args == ["tests"]:
            config.args = collected_from(config.rootpath, int(worker["workerid"][2:]), worker["workercount"])


def pytest_collection_finish() -> None:
    gc.freeze()  # else it looks through all that is there as soon as it may
    gc.enable()
    collect_rarely()  # a worker holds some 4,000 tests; looking through them again and again was a tenth of its time


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with watched(item) if item.config.option.durations is not None else nullcontext():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    try:
        return (yield)
    finally:
        if item.config.option.durations is not None:
            noted(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.durations is not None:
        reports = [one for kind in terminalreporter.stats.values() for one in kind]
        terminalreporter.section("seconds per operation")
        terminalreporter.write_line(slope([one for one in reports if isinstance(one, pytest.TestReport)]))


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that the program's own processes run on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def cluster() -> Generator[Cluster]:
    """The session's PostgreSQL server."""
    started = start_cluster()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
async def keeper(cluster: Cluster) -> AsyncGenerator[Keeper]:
    """Keeps the database of `assembled` from test to test; so all tests after the first with one share its loop."""
    keeper = Keeper(cluster)
    yield keeper
    await keeper.end()


@pytest.fixture
async def assembled(keeper: Keeper) -> AsyncGenerator[Assembled]:
    """The program over an empty migrated database with the instrument master, opened as the application role."""
    async with keeper.lent() as pool:
        assembled = assemble(pool, seed=SEED, secrets=SECRETS)
        yield assembled
        untold = await untold_anywhere(assembled.database)
    assert not untold, f"the news tells other states than the tables: {untold[:3]}"


@pytest.fixture
def database(assembled: Assembled) -> Database:
    """The assembled program's database."""
    return assembled.database


@pytest.fixture
async def tenant_id(database: Database) -> UUID:
    """A sandbox tenant of licence TOL, pace calendar, whose clock runs live."""
    return await make_tenant(database, "Tenant A")


@pytest.fixture
async def frozen_tenant_id(database: Database) -> UUID:
    """The same with its clock frozen on a Monday morning in session."""
    return await make_tenant(database, "Tenant F", frozen_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
