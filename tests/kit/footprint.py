"""What a database holds, table by table, seen past every wall: whether anything came of a request at all."""

from __future__ import annotations

from collections.abc import Mapping, Set

import asyncpg

from tests.kit.cluster import Cluster

PASSING: Set[str] = frozenset({"nonces_0", "nonces_1", "nonces_2", "nonces_3", "clocks"})
"""Tables that a request may touch which has no effect: the nonce it used up, and the count of units on a clock."""

_TABLES = """
select c.relname from pg_class c join pg_namespace s on s.oid = c.relnamespace
 where s.nspname = 'public' and c.relkind = 'r' order by 1
"""


async def rows(connection: asyncpg.Connection, *, but: Set[str] = PASSING) -> Mapping[str, int]:
    """How many rows each table has."""
    names = await _tables(connection, but)
    parts = " union all ".join(f"select '{name}', (select count(*) from {name})" for name in names)
    return {name: count for name, count in await connection.fetch(parts)}


async def digests(connection: asyncpg.Connection, *, but: Set[str] = PASSING) -> Mapping[str, str]:
    """A digest of everything that stands in each table."""
    names = await _tables(connection, but)
    digest = "select md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), ''))"
    parts = " union all ".join(f"select '{name}', ({digest} from {name} t)" for name in names)
    return {name: text for name, text in await connection.fetch(parts)}


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> Mapping[str, int]:
    """By how many rows each table has grown that did."""
    return {name: count - before[name] for name, count in after.items() if count != before[name]}


async def all_seeing(cluster: Cluster, database: str) -> asyncpg.Connection:
    """A connection that no policy binds."""
    return await asyncpg.connect(cluster.dsn(database, "postgres"))


async def _tables(connection: asyncpg.Connection, but: Set[str]) -> list[str]:
    return [row[0] for row in await connection.fetch(_TABLES) if row[0] not in but]
