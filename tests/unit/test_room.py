"""A start whose connections do not fit is refused in one sentence, whoever sets the limit; what fits is let through."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from openvest.db.checks import StartRefused
from openvest.db.cluster import MAX_CONNECTIONS
from openvest.db.room import COMMANDS, check_room, needed, room_for
from tests.kit.cluster import Cluster

pytestmark = pytest.mark.anyio


@pytest.fixture
async def name(cluster: Cluster) -> AsyncGenerator[str]:
    made = await cluster.create()
    yield made
    await cluster.drop(made)


async def as_superuser(cluster: Cluster, *statements: str) -> None:
    connection = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def refusal(url: str, processes: int, patience: float = 0) -> str:
    with pytest.raises(StartRefused) as refused:
        await check_room(url, processes, patience_seconds=patience)
    return str(refused.value)


def test_the_embedded_server_has_room_for_what_is_started() -> None:
    assert room_for(1) == MAX_CONNECTIONS
    for processes in range(1, 66):
        assert room_for(processes) - 3 >= needed(processes) + COMMANDS


async def test_the_limit_of_the_server_is_told(cluster: Cluster, name: str) -> None:
    await check_room(cluster.dsn(name), 1)
    said = await refusal(cluster.dsn(name), 20)
    assert said == (
        "This start may need 202 connections, and the server of the database allows 117 (max_connections 120, 3 of "
        "them reserved); raise max_connections there, or start fewer processes (--workers)."
    )


async def test_the_limit_of_the_database_is_told(cluster: Cluster, name: str) -> None:
    await as_superuser(cluster, f"alter database {name} connection limit 12")
    await check_room(cluster.dsn(name), 1)
    assert f"the database {name} allows 12 (its CONNECTION LIMIT)" in await refusal(cluster.dsn(name), 2)


async def test_the_limit_of_the_role_and_what_others_use_of_it_are_told(cluster: Cluster, name: str) -> None:
    role = f"tight_{name}"
    await as_superuser(cluster, f"create role {role} login connection limit 12")
    try:
        await check_room(cluster.dsn(name, role), 1)
        other = await asyncpg.connect(cluster.dsn(name, role))
        said = await refusal(cluster.dsn(name, role), 1)
        assert f"the role {role} allows 12 (its CONNECTION LIMIT), and 1 of them are in use" in said
        await other.close()
        # Those of a process that was just killed go away by themselves.
        await check_room(cluster.dsn(name, role), 1, patience_seconds=5)
        await as_superuser(cluster, f"alter role {role} connection limit 0")
        assert "takes no further connection" in await refusal(cluster.dsn(name, role), 1)
    finally:
        await as_superuser(cluster, f"drop role {role}")
