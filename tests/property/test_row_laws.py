"""What a derived statement writes is read back as it was, for every one there is."""

from __future__ import annotations

import asyncio
import re
import typing
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from types import UnionType
from typing import Any, Literal
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvest.db.connections import register_json_codec
from openvest.db.query import Statement
from openvest.db.rows import Write
from tests.architecture.test_queries import declared
from tests.kit.cluster import OWNER, Cluster

WRITES = {place: one for place, one in declared(Statement) if isinstance(one, Write)}
TENANT = UUID(int=1)
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "null", "NULL", '"', "\\", "{}", "a,b", " "]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    UUID: st.uuids(),
    str: _TEXT,
    int: st.integers(0, 2**31 - 1),
    bool: st.booleans(),
    # The ends of the calendar are infinities to the driver.
    datetime: st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1 < at.year < 9999),
    date: st.dates(date(1900, 1, 1)),
    bytes: st.binary(max_size=8),
    Decimal: st.decimals(-(10**12), 10**12, places=6),
    list[str]: st.lists(_TEXT, max_size=3),
    dict[str, Any]: st.dictionaries(_TEXT, _JSON, max_size=3),
    Any: st.lists(_JSON, max_size=3),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    if typing.get_origin(annotation) in (UnionType, typing.Union):
        return st.one_of([st.none() if kind is type(None) else values(kind) for kind in typing.get_args(annotation)])
    if typing.get_origin(annotation) is Literal:
        return st.sampled_from(typing.get_args(annotation))
    return _VALUES[annotation]


def rows_of(write: Write[Any]) -> st.SearchStrategy[list[Any]]:
    """Rows of its type that differ in what finds them again, and in what leaves them out."""
    hints = typing.get_type_hints(write.row)
    found = re.search(r"on conflict \(tenant_id, (.+?)\)", write.sql)
    apart = [write.fields[0], *(found[1].split(", ") if found else [])]
    one = st.builds(write.row, **{name: values(hints[name]) for name in hints})
    return st.lists(one, min_size=1, max_size=4, unique_by=tuple(attrgetter(name) for name in apart))


@dataclass(frozen=True)
class Scratch:
    """A connection to a migrated database, and the loop it lives on."""

    connection: asyncpg.Connection
    loop: asyncio.AbstractEventLoop

    def written(self, write: Write[Any], rows: list[Any]) -> list[tuple[Any, ...]]:
        """What is in the table after these rows were written, in a copy of it that has nothing but its columns."""
        return self.loop.run_until_complete(self._written(write, rows))

    async def _written(self, write: Write[Any], rows: list[Any]) -> list[tuple[Any, ...]]:
        [table] = re.findall(r"^(?:insert into|update) (\w+) ", write.sql)
        run, key = self.connection.execute, write.fields[0]
        await run("begin")
        try:
            await run(f"create temp table {table} on commit drop as select * from public.{table} with no data")
            await run(f"create temp table tenants on commit drop as select '{TENANT}'::uuid as tenant_id")
            for unique in re.findall(r"on conflict (\(.+?\))", write.sql):
                await run(f"create unique index on {table} {unique}")
            if write.sql.startswith("update"):
                for row in rows:
                    await run(f"insert into {table} (tenant_id, {key}) values ($1, $2)", TENANT, getattr(row, key))
            status = await run(write.sql, TENANT, *write.arrays(rows))
            assert status.endswith(f" {len(rows)}")
            found = await self.connection.fetch(f"select {', '.join(write.fields)} from {table} where tenant_id = $1",
                                                TENANT)  # fmt: skip
            return [tuple(record) for record in found]
        finally:
            await run("rollback")


@pytest.fixture(scope="module")
def scratch(cluster: Cluster) -> Generator[Scratch]:
    loop = asyncio.new_event_loop()
    run = loop.run_until_complete
    name = run(cluster.create())
    connection = run(asyncpg.connect(cluster.dsn(name, OWNER)))
    try:
        run(register_json_codec(connection))
        yield Scratch(connection, loop)
    finally:
        run(connection.close())
        run(cluster.drop(name))
        loop.close()


def _first(row: tuple[Any, ...]) -> str:
    """Rows differ in their first value, which may be none."""
    return str(row[0])


def test_there_are_such_statements() -> None:
    assert len(WRITES) > 15


@pytest.mark.parametrize("place", sorted(WRITES))
def test_what_is_written_is_read_back(scratch: Scratch, place: str) -> None:
    write = WRITES[place]

    @settings(max_examples=15, deadline=None)
    @given(rows_of(write))
    def law(rows: list[Any]) -> None:
        wanted = [tuple(getattr(row, name) for name in write.fields) for row in rows]
        assert sorted(scratch.written(write, rows), key=_first) == sorted(wanted, key=_first)

    law()
