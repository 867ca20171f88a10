"""Lists: one declaration gives the page's SQL, its filters and its orders.

A `Listing` is data; a test prepares it with every filter and every order. Values always travel as parameters. How long
a list is and where a page deep in it begins is read from marks where it has some (`db/marks.py`).

Source: docs/adr/0027.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Literal, LiteralString, TypeVar, cast

from openvest.core.paging import Order, Page, PageRequest
from openvest.db.query import Query
from openvest.db.rows import columns
from openvest.db.unit import Unit

R = TypeVar("R")
_Values: type[tuple[Any, ...]] = tuple
BETWEEN_MARKS = 1_000
"""Rows from one mark to the next, and those that a page may skip without asking for one."""
FIRST_ID = "00000000-0000-0000-0000-000000000000"
SIZES = (100, 1_000)
"""Rows that first pages are planned for: the usual ones, and the longest there are."""
AFTER_MARK = (
    "(select coalesce((select at from mark), '-infinity'))",
    f"(select coalesce((select id from mark), '{FIRST_ID}'))",
)
"""Behind row-level security an index is entered by plain values alone, which selects of their own come to."""


def days_of(column: LiteralString) -> dict[str, LiteralString]:
    """The filters of a list by its days in UTC, the first and the last one included."""
    return {
        "start_date": f"{column} >= {{}}::date::timestamp at time zone 'UTC'",
        "end_date": f"{column} < ({{}}::date + 1)::timestamp at time zone 'UTC'",
    }


@dataclass(frozen=True, slots=True)
class Chain:
    """Which rows of a list are counted together: all of the tenant's, or those of one parent, or those of one state.

    `parent` and `state` are columns, and filters of the same name.
    """

    parent: LiteralString | None = None
    state: LiteralString | None = None

    @property
    def columns(self) -> tuple[LiteralString, ...]:
        return tuple(name for name in (self.parent, self.state) if name is not None)

    @property
    def name(self) -> LiteralString:
        """What marks call it."""
        return " ".join(self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Listing(Generic[R]):
    """A list of one tenant. Shape: `columns` and `source` make `select {columns} from {source} where tenant_id = $1`.

    `filters` maps a published name to a condition in which `{}` stands for the value; `sorts` a published name to a
    column; `tie` makes every order total. `few` are filters that leave so few rows that they may be sorted.

    `chains` are counted by marks, in the usual order; those up to `settled` alone, where rows that come in later
    follow: now, an hour ago (rows change their state before), or the day's beginning (what is booked is dated so).
    """

    row: type[R]
    columns: LiteralString
    source: LiteralString
    filters: Mapping[str, LiteralString]
    sorts: Mapping[str, LiteralString]
    default_sort: str
    tie: LiteralString = "id"
    tenant: LiteralString | None = "tenant_id"
    few: frozenset[str] = frozenset()
    chains: Sequence[Chain] = ()
    settled: Literal["now", "hour", "day"] = "now"

    @property
    def key(self) -> LiteralString:
        """What the usual order goes by."""
        column = self.sorts[self.default_sort]
        return column if column == self.tie else f"{column}, {self.tie}"

    @property
    def at(self) -> LiteralString:
        """The first part of a mark's place."""
        column = self.sorts[self.default_sort]
        return "'epoch'::timestamptz" if column == self.tie else column

    def compared(self, sign: str, at: str, row_id: str) -> str:
        """The condition of standing so to a place of the usual order."""
        return f"id {sign} {row_id}" if self.key == self.tie else f"({self.key}) {sign} ({at}, {row_id})"

    @property
    def chain_columns(self) -> list[LiteralString]:
        """What its chains go by."""
        return list(dict.fromkeys(name for chain in self.chains for name in chain.columns))

    def where(self, names: Sequence[str], first: int = 1) -> str:
        conditions: list[str] = []
        if self.tenant is not None:
            conditions.append(f"{self.tenant} = ${first}")
            first += 1
        for position, name in enumerate(names):
            conditions.append(self.filters[name].replace("{}", f"${first + position}"))
        return " and ".join(conditions) if conditions else "true"

    def first_sql(self, names: Sequence[str], sort: str, order: Order, most: int = SIZES[0]) -> LiteralString:
        """The first page, of `most` rows or less, with the length of the list in each row's last column.

        Why a limit within the limit: where the only one is a parameter the planner expects a tenth of all rows to be
        read, so it would make a plan of its own for every page, which costs more than the page. A limit takes rows in
        the order in which they come.
        """
        begin, length = self._length(names, self.chain_of(names))
        text = (
            f"{begin}select o.*, {length} as length from (select {self.columns} from {self.source}"
            f" where {self.where(names)} order by {self._by(sort, order)} limit {most}) o"
            f" limit ${self._parameters(names) + 1}"
        )
        return cast(LiteralString, text)

    def page_sql(self, names: Sequence[str], sort: str, order: Order) -> LiteralString:
        """A page near the beginning of its order."""
        by, last = self._by(sort, order), self._parameters(names)
        text = (  # every piece is a literal of a declaration; values are parameters
            f"select {self.columns} from {self.source} where {self.where(names)} "
            f"order by {by} offset ${last + 1} limit ${last + 2}"
        )
        return cast(LiteralString, text)

    def deep_sql(self, names: Sequence[str], sort: str, order: Order, chain: Chain | None) -> LiteralString:
        """A page deep in the list: its ids are found first, in the index alone, from the last mark before it on."""
        by, last = self._by(sort, order), self._parameters(names)
        begin, beyond, skipped = "", "", f"${last + 1}::bigint"
        if chain is not None:
            begin = self._mark(chain, names, f" and ordinal <= ${last + 1}")
            beyond = f" and {self.compared('>', *AFTER_MARK)}"
            skipped += " - coalesce((select ordinal from mark), 0)"
        mine = "" if self.tenant is None else f"{self.tenant} = $1 and "
        text = (
            f"{begin}select {self.columns} from {self.source} where {mine}{self.tie} = any(array("
            f"select {self.tie} from {self.source} where {self.where(names)}{beyond} "
            f"order by {by} offset {skipped} limit ${last + 2})) order by {by}"
        )
        return cast(LiteralString, text)

    def count_sql(self, names: Sequence[str], chain: Chain | None, *, up_to_place: bool = False) -> LiteralString:
        """How many rows there are: in all, or not after a place, whose two values come last."""
        last = self._parameters(names)
        begin, length = self._length(names, chain, (f"${last + 1}", f"${last + 2}") if up_to_place else None)
        return cast(LiteralString, f"{begin}select {length} as n")

    def chain_of(self, names: Sequence[str]) -> Chain | None:
        """The chain that is exactly what these filters leave."""
        return next((chain for chain in self.chains if {*chain.columns} == {*names}), None)

    def is_entered_by(self, names: Sequence[str]) -> bool:
        """Whether all rows that are read for a page are shown: these filters leave them by an index, or leave few.

        Of others it is counted first whether they leave any, so that none are looked for in vain.
        """
        return not names or {*names} <= self.few or self.chain_of(names) is not None

    def _by(self, sort: str, order: Order) -> str:
        column, direction = self.sorts[sort], order.lower()
        return f"{self.tie} {direction}" if column == self.tie else f"{column} {direction}, {self.tie} {direction}"

    def _parameters(self, names: Sequence[str]) -> int:
        return len(names) + (1 if self.tenant is not None else 0)

    def _length(
        self, names: Sequence[str], chain: Chain | None, place: tuple[str, str] | None = None
    ) -> tuple[str, str]:
        """How many rows there are, and what is read for it beforehand."""
        counted = f"select count(*) from {self.source} where {self.where(names)}"
        if chain is None:
            return "", f"({counted})"
        reach = "" if place is None else f" and (at, id) < ({place[0]}, {place[1]})"
        if place is not None:
            counted += f" and {self.compared('<=', *place)}"
        after = self.compared(">", *AFTER_MARK)
        return self._mark(chain, names, reach), f"coalesce((select ordinal from mark), 0) + ({counted} and {after})"

    def _mark(self, chain: Chain, names: Sequence[str], reach: str) -> str:
        place = {name: f"${2 + position}" for position, name in enumerate(names)}
        parent, state = place.get(chain.parent or "", "$1"), place.get(chain.state or "", "''")
        return (
            "with mark as (select at, id, ordinal from list_marks"
            f" where tenant_id = $1 and list = '{self.source}' and chain = '{chain.name}' and parent = {parent}"
            f" and state = {state} and ordinal is not null{reach} order by at desc, id desc limit 1) "
        )


def listing(
    table: LiteralString,
    row: type[R],
    *,
    sorts: LiteralString,
    filters: LiteralString = "",
    few: LiteralString = "",
    chains: Sequence[Chain] = (),
) -> Listing[R]:
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
        few=frozenset(few.split()),
        chains=chains,
    )


async def page(
    unit: Unit,
    listing: Listing[R],
    request: PageRequest,
    filters: Mapping[str, Any] = {},
) -> Page[R]:
    """One page. `filters` with value None are left out. `request.sort` is one of the list's own."""
    given = {name: value for name, value in filters.items() if value is not None}
    names, sort = list(given), request.sort or listing.default_sort
    values: list[Any] = [] if listing.tenant is None else [unit.tenant_id]
    values += given.values()
    if request.offset == 0 and 0 < request.limit <= SIZES[-1] and listing.is_entered_by(names):
        most = next(size for size in SIZES if request.limit <= size)
        sql = _first_sql(listing, tuple(names), sort, request.order, most)
        found = await unit.rows(Query(_Values, sql), *values, request.limit)
        rows, total = [listing.row(*one[:-1]) for one in found], found[0][-1] if found else 0
        return Page(rows, 0, request.limit, total, sort, request.order)
    chain = listing.chain_of(names)
    total = await unit.one(Query(int, listing.count_sql(names, chain)), *values)
    rows = []
    length = min(request.limit, total - request.offset)
    if length > 0:
        part = _part(request.offset, length, total, request.order)
        if part.skipped <= BETWEEN_MARKS or listing.tie != "id":
            sql = listing.page_sql(names, sort, part.order)
        elif chain is None or sort != listing.default_sort:
            sql = listing.deep_sql(names, sort, part.order, None)
        else:
            part = _Part("ASC", request.offset if request.order == "ASC" else total - request.offset - length)
            sql = listing.deep_sql(names, sort, part.order, chain)
        rows = await unit.rows(Query(listing.row, sql), *values, part.skipped, length)
        if part.order != request.order:
            rows.reverse()
    return Page(rows, request.offset, request.limit, total, sort, request.order)


@lru_cache(maxsize=1024)
def _first_sql(listing: Listing[Any], names: tuple[str, ...], sort: str, order: Order, most: int) -> LiteralString:
    return listing.first_sql(names, sort, order, most)


@dataclass(frozen=True, slots=True)
class _Part:
    """Where the rows of a page are read from: in which order, and after how many."""

    order: Order
    skipped: int


def _part(offset: int, length: int, total: int, order: Order) -> _Part:
    """From the nearer end."""
    behind = total - offset - length
    if offset <= behind:
        return _Part(order, offset)
    return _Part("DESC" if order == "ASC" else "ASC", behind)
