"""Lists: one declaration gives the page's SQL, its filters and its orders.

A `Listing` is data; a test prepares it with every filter and every order. Values always travel as parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, LiteralString, TypeVar, cast

from openvest.core.paging import Page, PageRequest
from openvest.db.query import Query
from openvest.db.rows import columns
from openvest.db.unit import Unit

R = TypeVar("R")


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


def listing(table: LiteralString, row: type[R], *, sorts: LiteralString, filters: LiteralString = "") -> Listing[R]:
    """A list of a table's rows, ordered and filtered by columns. Shape: names with blanks between, the usual order
    first.
    """
    by_name: Mapping[str, LiteralString] = {name: name for name in sorts.split()}
    return Listing(
        row,
        columns(row),
        table,
        filters={name: f"{name} = {{}}" for name in filters.split()},
        sorts=by_name,
        default_sort=next(iter(by_name)),
    )


async def page(
    unit: Unit,
    listing: Listing[R],
    request: PageRequest,
    filters: Mapping[str, Any] = {},
) -> Page[R]:
    """One page. `filters` with value None are left out. `request.sort` is one of the list's own."""
    given = {name: value for name, value in filters.items() if value is not None}
    names = list(given)
    sort = request.sort or listing.default_sort
    values: list[Any] = [] if listing.tenant is None else [unit.tenant_id]
    values += given.values()
    total = await unit.one(Query(int, listing.count_sql(names)), *values)
    rows: list[R] = []
    if request.limit and total > request.offset:
        select = Query(listing.row, listing.page_sql(names, sort, request.order))
        rows = await unit.rows(select, *values, request.offset, request.limit)
    return Page(rows, request.offset, request.limit, total, sort, request.order)
