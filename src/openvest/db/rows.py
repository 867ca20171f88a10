"""Statements that follow from a row's dataclass: what is written of every field in the same words is derived from it.

A `Write` is a constant like every statement, so the tests prepare it against the schema. It takes any number of rows as
one array per column. What needs other words, such as a balance that is counted up, is a statement written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    LiteralString,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

from openvest.core.records import replace, values_getter
from openvest.core.snapshots import text_of
from openvest.db.query import Statement, numeric_array, plain_array, text_array
from openvest.db.unit import Unit

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column:
    """How values of one kind travel. Shape: `array` casts the parameter, `value` what is taken out of it."""

    array: str
    value: str = ""
    encode: Callable[[Sequence[Any]], Any] = list


def _each(encode: Callable[[Any], str]) -> Callable[[Sequence[Any]], Any]:
    return lambda values: [None if value is None else encode(value) for value in values]


# An array of lists would be taken for one long list, and JSON is made of text at a fraction of what the driver needs.
COLUMNS: Mapping[Any, Column] = {
    UUID: Column("text::uuid[]", encode=plain_array),
    str: Column("text::text[]", encode=text_array),
    int: Column("text::bigint[]", encode=numeric_array),
    bool: Column("text::boolean[]", encode=numeric_array),
    datetime: Column("timestamptz[]"),
    date: Column("date[]"),
    bytes: Column("bytea[]"),
    Decimal: Column("text::numeric[]", encode=numeric_array),
    list[str]: Column("text[]", "::text[]", _each(text_array)),
    dict[str, Any]: Column("text[]", "::jsonb", _each(text_of)),
    Any: Column("text[]", "::jsonb", _each(text_of)),
}


def column_of(annotation: Any) -> Column:
    """How a field of this annotation travels, None or not. Raises: TypeError where its statement is to be written out.

    A `Literal` is text.
    """
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    [kind, *more] = [kind for kind in kinds if kind is not type(None)]
    if get_origin(kind) is Literal and all(isinstance(value, str) for value in get_args(kind)):
        kind = str
    if more or kind not in COLUMNS:
        raise TypeError(f"{annotation} has no column of its own")
    return COLUMNS[kind]


def _names(row: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(row) if field.init)


def columns(row: type[Any]) -> LiteralString:
    """The columns of a row type, in the order of its fields."""
    return _literal(", ".join(_names(row)))


def _literal(text: str) -> LiteralString:
    return cast(LiteralString, text)  # of names that stand in the source, and nothing else


@dataclass(frozen=True, slots=True)
class Write(Statement, Generic[R]):
    """A statement that writes rows of one type. Shape: $1 is the tenant, then one array for each of `fields`."""

    row: type[R]
    fields: tuple[str, ...]
    kinds: tuple[Column, ...]

    def arrays(self, rows: Sequence[R]) -> Iterator[Any]:
        """The arrays of these rows."""
        for values, kind in zip(_by_field(rows, self.fields), self.kinds, strict=True):
            yield kind.encode(values)


def arrays(row: type[R], rows: Sequence[R], names: str) -> list[Any]:
    """The arrays of these fields, for a statement that is written out; it casts each as `COLUMNS` says.
    Shape: `names` with blanks between."""
    chosen, kinds = _chosen(row, names)
    return [kind.encode(values) for values, kind in zip(_by_field(rows, chosen), kinds, strict=True)]


@cache
def _chosen(row: type[Any], names: str) -> tuple[Sequence[str], Sequence[Column]]:
    return names.split(), _kinds(row, names.split())


def _by_field(rows: Sequence[Any], names: Sequence[str]) -> list[Sequence[Any]]:
    return list(zip(*map(values_getter(names), rows), strict=True)) if rows else [() for _ in names]


async def save(unit: Unit, write: Write[R], *rows: R) -> int:
    """Write rows and say how many were written; without any, nothing is sent."""
    return await unit.run(write, unit.tenant_id, *write.arrays(rows)) if rows else 0


class Versioned(Protocol):
    """A row that counts its changes, and tells of each by an event."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> UUID: ...

    @property
    def version(self) -> int: ...

    @property
    def updated_at(self) -> datetime: ...


V = TypeVar("V", bound=Versioned)


def next_version(unit: Unit, row: V, **changes: Any) -> V:
    """The row with these changes, which are of now."""
    return replace(row, version=row.version + 1, updated_at=unit.moment_after(row.updated_at), **changes)


async def save_next(unit: Unit, write: Write[V], row: V, event: str, **changes: Any) -> V:
    """Store the next version of a locked row, and tell of it. Writes: the row's table, the event."""
    changed = next_version(unit, row, **changes)
    await save(unit, write, changed)
    unit.emit(event, changed.id, changed.version, changed.updated_at, changed)
    return changed


def insert(
    table: LiteralString,
    row: type[R],
    *,
    also: Mapping[LiteralString, LiteralString] = {},
    unless: LiteralString = "",
    among: LiteralString = "",
) -> Write[R]:
    """Add rows to a table of tenants. `also` gives columns that are no fields, as expressions over a row `t`.

    `unless` names columns: a row that equals another of the tenant in them is left out; with `among`, the condition of
    a unique index, only rows of which it is true are compared.
    Why the tenant is that of a row: the shard that holds it takes the whole statement, as it takes nothing that only
    names a tenant beside arrays. What is written out has the same form.
    """
    names = _names(row)
    kinds = _kinds(row, names)
    values = [f"t.{name}{kind.value}" for name, kind in zip(names, kinds, strict=True)]
    sql = (
        f"insert into {table} ({', '.join(['tenant_id', *names, *also])})"
        f" select {', '.join(['o.tenant_id', *values, *also.values()])} from tenants o cross join {_rows(names, kinds)}"
        " where o.tenant_id = $1"
    )
    if unless:
        sql += f" on conflict (tenant_id, {unless}){f' where {among}' if among else ''} do nothing"
    return Write(_literal(sql), row, names, kinds)


def update(table: LiteralString, row: type[R], names: LiteralString = "", *, also: LiteralString = "") -> Write[R]:
    """Set fields of rows, found by id. Shape: `names` with blanks between, none: all; `also` is more to set, as SQL."""
    changed = names.split() or [name for name in _names(row) if name != "id"]
    chosen = ("id", *changed)
    kinds = _kinds(row, chosen)
    changes = [f"{name} = t.{name}{kind.value}" for name, kind in zip(changed, kinds[1:], strict=True)]
    sets = ", ".join([*changes, also] if also else changes)
    sql = (
        f"update {table} r set {sets} from {_rows(chosen, kinds, counted=False)} where r.tenant_id = $1 and r.id = t.id"
    )
    return Write(_literal(sql), row, chosen, kinds)


def _kinds(row: type[Any], names: Sequence[str]) -> tuple[Column, ...]:
    hints = get_type_hints(row)
    return tuple(column_of(hints[name]) for name in names)


def _rows(names: Sequence[str], kinds: Sequence[Column], *, counted: bool = True) -> str:
    """The rows that the arrays are, under the name `t`.

    Why not `counted` where they are joined: of an array whose length it knows the planner makes another plan with every
    call, which is two thirds of what an update of one row costs; so it keeps one plan, by the index.
    """
    arrays = [f"${number}::{kind.array}" for number, kind in enumerate(kinds, 2)]
    if not counted:
        arrays[0] = f"(select {arrays[0]})"
    return f"unnest({', '.join(arrays)}) as t({', '.join(names)})"
