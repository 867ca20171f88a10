"""Every statement the program can send is prepared against the migrated schema, and its columns are its row type's.

`OPENVEST_TEST_POSTGRES_BIN` names another PostgreSQL to prepare on; `make check` runs this file on version 15 so.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openvest.catalog import WORKS
from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.declarations import AuditQuery
from openvest.work.look import Due, question
from tests.architecture.statements import package_values
from tests.kit.cluster import OWNER, Cluster

pytestmark = pytest.mark.anyio

PYTHON_OF: dict[str, set[Any]] = {
    "uuid": {UUID, str},
    "text": {str},
    "int2": {int},
    "int4": {int},
    "int8": {int},
    "numeric": {Decimal},
    "bool": {bool},
    "timestamptz": {datetime},
    "date": {date},
    "time": {time},
    "bytea": {bytes},
    "jsonb": {dict, list, tuple, Any},
    "json": {dict, list, tuple, Any},
    "_text": {list, tuple},
    "_uuid": {list, tuple},
    "void": {object, type(None)},
}


def declared(kind: type) -> Iterator[tuple[str, Any]]:
    """Every module-level declaration of this kind in the package, with its place."""
    seen: set[int] = set()
    for place, value in package_values():
        if isinstance(value, kind) and id(value) not in seen:
            seen.add(id(value))
            yield place, value


def accepted(annotation: Any) -> set[Any]:
    """The plain types an annotation stands for: unions, literals, aliases and containers looked through."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return set().union(*(accepted(part) for part in typing.get_args(annotation)))
    if typing.get_origin(annotation) is typing.Literal:
        return {type(value) for value in typing.get_args(annotation)}
    if typing.get_origin(annotation) is typing.Annotated:
        return accepted(typing.get_args(annotation)[0])
    origin = typing.get_origin(annotation)
    if origin is not None:
        return {dict if issubclass(origin, typing.Mapping) else list if issubclass(origin, typing.Sequence) else origin}
    if annotation is object or annotation is Any:
        return {Any}
    return {annotation}


def violation(row: Any, attributes: typing.Sequence[asyncpg.Attribute]) -> str | None:
    """Why a row type does not fit the columns of its statement, or None."""
    if not dataclasses.is_dataclass(row):
        if len(attributes) != 1:
            return f"{len(attributes)} columns for the plain type {row}"
        wanted = {attributes[0].name: row}
    else:
        hints = typing.get_type_hints(row, include_extras=True)
        wanted = {field.name: hints[field.name] for field in dataclasses.fields(row) if field.init}
        names = [attribute.name for attribute in attributes]
        if names != list(wanted):
            return f"columns {names} for fields {list(wanted)}"
    for attribute in attributes:
        kinds = accepted(wanted[attribute.name]) - {type(None)}
        known = PYTHON_OF.get(attribute.type.name)
        if known is not None and Any not in kinds and not kinds & known:
            return f"column {attribute.name} is {attribute.type.name}, its field {kinds}"
    return None


@pytest.fixture
async def connection(cluster: Cluster) -> typing.AsyncGenerator[asyncpg.Connection]:
    name = await cluster.create()
    connection = await asyncpg.connect(cluster.dsn(name))
    try:
        yield connection
    finally:
        await connection.close()
        await cluster.drop(name)


async def test_every_query_prepares_and_gives_its_row_type(connection: asyncpg.Connection) -> None:
    wrong: list[str] = []
    queries = list(declared(Query))
    assert len(queries) > 60
    for place, query in queries:
        if "{" in query.sql and "query" in query.sql:
            continue  # a template of the audit; its queries are prepared below
        try:
            prepared = await connection.prepare(query.sql)
        except asyncpg.PostgresError as error:
            wrong.append(f"{place}: {error}")
            continue
        found = violation(query.row, prepared.get_attributes())
        if found:
            wrong.append(f"{place}: {found}")
    assert not wrong, "\n".join(wrong)


async def test_every_work_can_be_asked_when_it_is_due(connection: asyncpg.Connection) -> None:
    """By itself and with all others: of the tenant and at most its now, for one instant."""
    for work in WORKS:
        prepared = await connection.prepare(work.next_due.sql)
        asked = [parameter.name for parameter in prepared.get_parameters()]
        assert asked == ["uuid", "timestamptz"][: len(asked)], work.name
        assert violation(work.next_due.row, prepared.get_attributes()) is None, work.name
    prepared = await connection.prepare(question(WORKS).sql)
    assert [parameter.name for parameter in prepared.get_parameters()] == ["uuid", "timestamptz"]
    assert violation(Due, prepared.get_attributes()) is None


async def test_every_statement_prepares(connection: asyncpg.Connection) -> None:
    wrong: list[str] = []
    statements = [*declared(Statement), *declared(AuditQuery)]
    assert len(statements) > 40
    for place, statement in statements:
        try:
            await connection.prepare(statement.sql)
        except asyncpg.PostgresError as error:
            wrong.append(f"{place}: {error}")
    assert not wrong, "\n".join(wrong)


async def test_every_list_prepares_with_every_filter_and_sort(connection: asyncpg.Connection) -> None:
    wrong: list[str] = []
    listings = list(declared(Listing))
    assert len(listings) > 5
    for place, listing in listings:
        names = list(listing.filters)
        for sort in listing.sorts:
            for order in ("ASC", "DESC"):
                for chosen in ([], names, *([name] for name in names)):
                    try:
                        prepared = await connection.prepare(listing.page_sql(chosen, sort, order))
                        await connection.prepare(listing.first_sql(chosen, sort, order))
                        await connection.prepare(listing.count_sql(chosen, None))
                    except asyncpg.PostgresError as error:
                        wrong.append(f"{place} {chosen} by {sort}: {error}")
                        continue
                    found = violation(listing.row, prepared.get_attributes())
                    if found:
                        wrong.append(f"{place}: {found}")
    assert not wrong, "\n".join(wrong)


async def test_a_query_that_does_not_fit_is_found(connection: asyncpg.Connection) -> None:
    @dataclasses.dataclass(frozen=True)
    class Wrong:
        tenant_id: UUID
        name: int

    prepared = await connection.prepare("select tenant_id, name from tenants")
    assert "column name is text" in (violation(Wrong, prepared.get_attributes()) or "")
    other_order = await connection.prepare("select name, tenant_id from tenants")
    assert "columns" in (violation(Wrong, other_order.get_attributes()) or "")
    assert violation(int, prepared.get_attributes()) is not None


async def test_the_owner_owns_and_the_application_does_not(cluster: Cluster) -> None:
    name = await cluster.create()
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        owners = await owner.fetch("select distinct tableowner from pg_tables where schemaname = 'public'")
        assert [row[0] for row in owners] == [OWNER]
    finally:
        await owner.close()
        await cluster.drop(name)
