"""The statement behind every request: which nonces are new and which credentials still stand, at any hour."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from openvest.db.query import Query
from openvest.db.unit import Database
from tests.kit.cluster import Cluster
from tests.kit.imports import owner_of

USED = Query(list[int], "select used from admit_requests($1, $2, $3, '{}', '{}', '{}', '{}', '{}')")
WIRE_NOW = "create or replace function wire_now() returns timestamptz language sql volatile"
KEY, OTHER = uuid4(), uuid4()


async def used(database: Database, *claims: tuple[UUID, str, datetime]) -> list[int] | None:
    """Positions, from 1, of those that were used before."""
    keys, nonces, until = zip(*claims, strict=True)
    [found] = await database.ask(USED, list(keys), list(nonces), [int(at.timestamp()) for at in until])
    return found


async def test_of_equal_nonces_the_first_is_new(database: Database) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert await used(database, (KEY, "a", soon), (KEY, "b", soon), (OTHER, "a", soon)) is None
    assert await used(database, (KEY, "c", soon), (KEY, "a", soon), (KEY, "c", soon), (KEY, "d", soon)) == [2, 3]
    assert await used(database, (KEY, "a", soon + timedelta(hours=1))) == [1]


async def test_of_nonces_claimed_at_once_one_is_new(database: Database) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    found = await asyncio.gather(*[used(database, (KEY, "a", soon), (KEY, str(n), soon)) for n in range(8)])
    assert sorted(found, key=lambda one: one or []) == [None, *[[1]] * 7]


@pytest.mark.parametrize("minute", [10, 52, 58])
async def test_a_nonce_is_used_up_on_both_sides_of_an_hour(database: Database, cluster: Cluster, minute: int) -> None:
    """Two signatures with one nonce may be usable until either side of it: while both are, one of them passes."""
    hour = datetime(2026, 3, 2, 14, tzinfo=UTC)
    now, end = hour + timedelta(minutes=minute), hour + timedelta(hours=1)
    async with owner_of(cluster, database) as owner:
        await owner.execute(f"{WIRE_NOW} as 'select ''{now}''::timestamptz'")
    longest = now + timedelta(minutes=6)
    for first, second in ((now + timedelta(seconds=30), longest), (longest, now + timedelta(seconds=30))):
        nonce = str(uuid4())
        assert await used(database, (KEY, nonce, first)) is None
        assert await used(database, (KEY, nonce, second)) == [1]
    gone = now - timedelta(hours=1)
    assert await used(database, (KEY, "gone", gone), (KEY, "gone", end + timedelta(minutes=1))) is None
