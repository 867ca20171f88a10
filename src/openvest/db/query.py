"""Typed SQL: a statement as a constant beside the row type it gives.

A test prepares every `Query` and `Statement` against the migrated schema and compares the columns a query returns, by
name, order and type, with the fields of its row type. So a statement that does not fit the schema fails before it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Generic, LiteralString, TypeVar, cast
from uuid import UUID

R = TypeVar("R")

_PARAMETER = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Query(Generic[R]):
    """A statement that returns rows. Shape: `row` is a frozen dataclass whose fields are the columns, in order.

    `row` may also be a plain type (`int`, `UUID`, `datetime`) for a statement of exactly one column, or `tuple` for
    rows that whoever asks takes apart.
    """

    row: type[R]
    sql: LiteralString


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of which only the number of rows it touched is of interest."""

    sql: LiteralString


def numeric_array(values: Iterable[Decimal | int | None]) -> str:
    """Many numbers as one parameter; the statement reads it as `$n::text::numeric[]`, or as an array of integers."""
    return plain_array(values)


def plain_array(values: Iterable[Decimal | int | UUID | None]) -> str:
    """Many values that are written without a quotation mark, as one parameter; the statement reads it as
    `$n::text::uuid[]`.

    Why: measured at about a tenth of the cost of an array parameter of decimals, and at half of that of integers, which
    is much in sets of 500. The driver asks of every element of an array whether it is an array itself.
    """
    return "{" + ",".join(["null" if value is None else str(value) for value in values]) + "}"


def text_array(values: Sequence[str | None]) -> str:
    """Many texts as one parameter, at a fifth of the cost of an array of them; the statement reads it as
    `$n::text::text[]`."""
    if values and None not in values:
        joined = '","'.join(cast("Sequence[str]", values))
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return '{"' + joined + '"}'
    return "{" + ",".join(["null" if value is None else f'"{_escaped(value)}"' for value in values]) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


@lru_cache(maxsize=256)
def together(early: tuple[str, ...], last: str) -> str:
    """One statement that does what all of these do; its parameters are theirs, one after the other.

    `last` begins with `with`; the others begin with neither that nor a comment. None of them sees what another does.
    """
    before, parts = 0, list[str]()
    for number, sql in enumerate((*early, last)):
        moved = _PARAMETER.sub(lambda found, before=before: f"${before + int(found[1])}", sql)
        parts.append(f"early_{number} as ({moved})" if number < len(early) else moved.strip().removeprefix("with "))
        before += max(int(found[1]) for found in _PARAMETER.finditer(sql))
    return f"with {', '.join(parts)}"
