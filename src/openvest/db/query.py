"""Typed SQL: a statement as a constant beside the row type it gives.

A test prepares every `Query` and `Statement` against the migrated schema and compares the columns a query returns, by
name, order and type, with the fields of its row type. So a statement that does not fit the schema fails before it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Generic, LiteralString, TypeVar

R = TypeVar("R")

_PARAMETER = re.compile(r"\$(\d+)")


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
