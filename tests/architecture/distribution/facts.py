"""What the rules ask of the migrated catalog, and the statements that stand inside its functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import pglast

from openvest.catalog import LAYOUTS
from tools.schema import Catalog, read

VOLATILITY = """
select proname, min(provolatile::text), min(pronamespace::regnamespace::text) from pg_proc group by proname
"""
"""The least that any function of a name may do: what is found by it is certain. (i < s < v)"""


@dataclass(frozen=True, slots=True)
class Facts:
    """A migrated database. Shape: `tenant` holds tables and the views on them, `stamps` names of columns of instants,
    `counted` for each table the columns whose default is not the same for everybody."""

    catalog: Catalog
    tenant: frozenset[str]
    shared: frozenset[str]
    local: frozenset[str]
    volatility: Mapping[str, str]
    stamps: frozenset[str]
    counted: Mapping[str, frozenset[str]]

    def is_volatile(self, function: str) -> bool:
        return self.volatility.get(function) == "v"

    def is_immutable(self, function: str) -> bool:
        return self.volatility.get(function, "i") == "i"


async def facts(connection: asyncpg.Connection) -> Facts:
    catalog = await read(connection)
    tenant = {row["relation"] for row in catalog.columns if row["name"] == "tenant_id"} - {*LAYOUTS}
    for view in catalog.views:
        if {relation.relname for relation in tables_of(pglast.parse_sql(view["definition"]))} & tenant:
            tenant.add(view["name"])
    counted: dict[str, set[str]] = {}
    for row in catalog.columns:
        if row["identity"] or "nextval" in (row["expression"] or ""):
            counted.setdefault(row["relation"], set()).add(row["name"])
    return Facts(
        catalog,
        frozenset(tenant),
        frozenset(name for name, layout in LAYOUTS.items() if layout == "reference"),
        frozenset(name for name, layout in LAYOUTS.items() if layout == "local"),
        {row[0]: row[1] for row in await connection.fetch(VOLATILITY)},
        frozenset(row["name"] for row in catalog.columns if row["type"] == "timestamp with time zone"),
        {name: frozenset(columns) for name, columns in counted.items()},
    )


def nodes(tree: Any, *kinds: type) -> Iterator[Any]:
    """Every node of these kinds below a tree, itself included; of all kinds without any."""
    if isinstance(tree, tuple | list):
        for item in tree:
            yield from nodes(item, *kinds)
    elif isinstance(tree, pglast.ast.Node):
        if not kinds or isinstance(tree, kinds):
            yield tree
        for name in tree:
            yield from nodes(getattr(tree, name), *kinds)


def tables_of(tree: Any) -> list[pglast.ast.RangeVar]:
    return list(nodes(tree, pglast.ast.RangeVar))


def body_statements(function: asyncpg.Record) -> list[str]:
    """The statements of a function's body. What it puts together from text at run time cannot be read."""
    definition = function["definition"]
    if "LANGUAGE sql" in definition:
        return [function["body"]]
    found: list[str] = []

    def below(tree: Any) -> None:
        if isinstance(tree, Mapping):
            expression = tree.get("PLpgSQL_expr")
            if expression is not None:
                found.append(_statement(expression["query"], expression["parseMode"]))
            for value in tree.values():
                below(value)
        elif isinstance(tree, list):
            for value in tree:
                below(value)

    below(pglast.parse_plpgsql(definition))
    return found


def _statement(text: str, mode: int) -> str:
    """An expression or an assignment as the statement PostgreSQL makes of it."""
    if mode == 0:
        return text
    return "select " + (text if mode == 2 else text.partition("=")[2])
