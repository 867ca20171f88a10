"""An outage is told by the program and not by its libraries."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.test_database_outage import eventually_ready, kill, mortal, revive, world
from tests.kit.cluster import Cluster
from tests.kit.http import Api

__all__ = ["mortal", "world"]
pytestmark = pytest.mark.anyio


async def test_the_driver_prints_no_traces_of_its_own(
    world: tuple[Api, Cluster, str], caplog: pytest.LogCaptureFixture
) -> None:
    api, cluster, _ = world
    assert (await api.get("/things")).status_code == 200
    kill(cluster)
    for _ in range(5):
        assert (await api.get("/things")).status_code == 503
        await asyncio.sleep(0.1)
    await revive(cluster)
    await eventually_ready(api.http)
    assert [record.name for record in caplog.records if record.name.startswith("asyncpg")] == []
