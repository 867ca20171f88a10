"""Typed SQL: a statement as a constant beside the row type it gives.

A test prepares every `Query` and `Statement` against the migrated schema and compares the columns a query returns, by
name, order and type, with the fields of its row type. So a statement that does not fit the schema fails before it runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, LiteralString, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Query(Generic[R]):
    """A statement that returns rows. Shape: `row` is a frozen dataclass whose fields are the columns, in order.

    `row` may also be a plain type (`int`, `UUID`, `datetime`) for a statement of exactly one column.
    """

    row: type[R]
    sql: LiteralString


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of which only the number of rows it touched is of interest."""

    sql: LiteralString


def numeric_array(values: Iterable[Decimal | None]) -> str:
    """Many decimals as one parameter; the statement reads it as `$n::text::numeric[]`.

    Why: measured at about a tenth of the cost of an array parameter of decimals, which is much in sets of 500.
    """
    return "{" + ",".join(["null" if value is None else str(value) for value in values]) + "}"
