"""Lists: one declaration gives the page's SQL, its filters and its orders.

A `Listing` is data; a test prepares it with every filter and every order. Values always travel as parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, LiteralString, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from openvest.core.snapshots import Json
from openvest.db.query import Query
from openvest.db.unit import Unit

R = TypeVar("R")
MOST_OFFSET = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A list of one tenant. Shape: `columns` and `source` make `select {columns} from {source} where tenant_id = $1`.

    `filters` maps a published name to a condition in which `{}` stands for the value; `sorts` a published name to a
    column; `tie` makes every order total.
    """

    row: type[R]
    columns: LiteralString
    source: LiteralString
    filters: Mapping[str, LiteralString]
    sorts: Mapping[str, LiteralString]
    default_sort: str
    tie: LiteralString = "id"
    tenant: LiteralString | None = "tenant_id"

    def where(self, names: Sequence[str], first: int = 1) -> str:
        conditions: list[str] = []
        if self.tenant is not None:
            conditions.append(f"{self.tenant} = ${first}")
            first += 1
        for position, name in enumerate(names):
            conditions.append(self.filters[name].replace("{}", f"${first + position}"))
        return " and ".join(conditions) if conditions else "true"

    def page_sql(self, names: Sequence[str], sort: str, order: str) -> LiteralString:
        column = self.sorts[sort]
        direction = "desc" if order == "DESC" else "asc"
        last = len(names) + (1 if self.tenant is not None else 0)
        text = (  # every piece is a literal of a declaration; values are parameters
            f"select {self.columns} from {self.source} where {self.where(names)} "
            f"order by {column} {direction}, {self.tie} {direction} offset ${last + 1} limit ${last + 2}"
        )
        return cast(LiteralString, text)

    def count_sql(self, names: Sequence[str]) -> LiteralString:
        return cast(LiteralString, f"select count(*) from {self.source} where {self.where(names)}")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of a list and how much there is in all."""

    rows: list[R]
    offset: int
    limit: int
    total: int
    sort: str
    order: str


_MOST_DIGITS = 20
"""Of a number that is read at all; which numbers are too large says each field."""


def _number(value: Any) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    raise ValueError("is a whole number")


def _empty_is_default(default: int) -> Any:
    return BeforeValidator(
        lambda value: default if value == "" else _number(value) if isinstance(value, str) else value
    )


class PageQuery(BaseModel):
    """Query parameters of every list; a list adds its own filters and `sort`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offset: Annotated[int, _empty_is_default(0)] = Field(default=0, ge=0, le=MOST_OFFSET, description="Items to skip.")
    limit: Annotated[int, _empty_is_default(100)] = Field(
        default=100, ge=0, le=1000, description="Most items to return; 0 gives an empty page with its counts."
    )
    order: Literal["ASC", "DESC"] = Field(default="ASC", description="Direction of the order.")


async def page(
    unit: Unit,
    listing: Listing[R],
    query: PageQuery,
    filters: Mapping[str, Any] = {},
) -> Page[R]:
    """One page. `filters` with value None are left out. `query.sort`, where the list has one, chooses the order."""
    given = {name: value for name, value in filters.items() if value is not None}
    names = list(given)
    sort = cast(str, getattr(query, "sort", None) or listing.default_sort)
    values: list[Any] = [] if listing.tenant is None else [unit.tenant_id]
    values += given.values()
    total = await unit.one(Query(int, listing.count_sql(names)), *values)
    rows: list[R] = []
    if query.limit and total > query.offset:
        select = Query(listing.row, listing.page_sql(names, sort, query.order))
        rows = await unit.rows(select, *values, query.offset, query.limit)
    return Page(rows, query.offset, query.limit, total, sort, query.order)


def v1_page(found: Page[Any], items: list[Json]) -> Json:
    """A page as v1 shows it."""
    meta = {
        "offset": found.offset,
        "limit": found.limit,
        "count": len(items),
        "total_count": found.total,
        "sort": found.sort,
        "order": found.order,
    }
    return {"meta": meta, "data": items}
