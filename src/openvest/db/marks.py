"""Marks in long lists: after every thousandth row, how many rows there are up to it.

A mark is laid first and counted a few minutes later. Whoever inserts a row before it takes it away (triggers see to
it); who began before there was a mark to be seen has ended by then, and is counted. So a counted mark is exact, and
writers wait for nobody.

Source: docs/adr/0027.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, cast
from uuid import UUID

from openvest.core.ids import first_id
from openvest.db.paging import BETWEEN_MARKS, FIRST_ID, Chain, Listing
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit

AT_ONCE = 100
"""Marks laid in one run of rows in one round: a long list is marked little by little."""
HOUR = timedelta(hours=1)
WHOLE = Chain()


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the usual order of a list, and its row's values in the columns that chains go by."""

    at: datetime
    id: UUID
    values: list[str]


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that is not counted yet. `list` and `chain` say what is counted, `parent` and `state` of which."""

    list: str
    chain: str
    parent: UUID
    state: str
    at: datetime
    id: UUID


_START = Place(datetime.min.replace(tzinfo=UTC), UUID(FIRST_ID), [])
_OF_RUN: LiteralString = "tenant_id = $1 and list = $2 and chain = $3 and parent = $4 and state = $5"
_LAST = Query(
    Place,
    f"select at, id, array[]::text[] as values from list_marks where {_OF_RUN} order by at desc, id desc limit 1",
)
_LAY = Statement(
    "insert into list_marks (tenant_id, list, chain, parent, state, at, id, laid_at)"
    " values ($1, $2, $3, $4, $5, $6, $7, wire_now()) on conflict do nothing"
)
_UNCOUNTED = Query(
    Mark,
    """
    select list, chain, parent, state, at, id from list_marks
     where tenant_id = $1 and ordinal is null and laid_at < wire_now() - interval '5 minutes'
     order by list, chain, parent, state, at, id
     limit 1000
    """,
)
"""No transaction lasts that long."""
_PUT = Statement(f"update list_marks set ordinal = $8 where {_OF_RUN} and at = $6 and id = $7")


async def mark_lists(unit: Unit, listings: Sequence[Listing[Any]]) -> None:
    """Lay the next marks, and count those that all who write have seen. Writes: list_marks."""
    by_name = {one.source: one for one in listings}
    settled = _settled(unit.now)
    for name in await unit.rows(due(listings), unit.tenant_id, settled["now"], settled["day"], settled["hour"]):
        await _lay(unit, by_name[name], settled[by_name[name].settled])
    for mark in await unit.rows(_UNCOUNTED, unit.tenant_id):
        listing = by_name[mark.list]
        chain = next(one for one in (WHOLE, *listing.chains) if one.name == mark.chain)
        query = Query(int, listing.count_sql(chain.columns, chain, up_to_place=True))
        values = _values(chain, mark.parent, mark.state)
        ordinal = await unit.one(query, unit.tenant_id, *values, mark.at, mark.id)
        run = (mark.list, mark.chain, mark.parent, mark.state)
        await unit.run(_PUT, unit.tenant_id, *run, mark.at, mark.id, ordinal)


async def _lay(unit: Unit, listing: Listing[Any], until: datetime | UUID) -> None:
    """Marks in the whole list, then in what the marked rows are of: of long ones some row is marked soon."""
    seen = await _lay_run(unit, listing, WHOLE, unit.tenant_id, "", until)
    for chain in listing.chains:
        if chain.columns:
            runs = {tuple(place.values[listing.chain_columns.index(name)] for name in chain.columns) for place in seen}
            for run in sorted(runs):
                of_run = dict(zip(chain.columns, run, strict=True))
                parent = UUID(of_run[chain.parent]) if chain.parent else unit.tenant_id
                await _lay_run(unit, listing, chain, parent, of_run.get(chain.state or "", ""), until)


async def _lay_run(
    unit: Unit, listing: Listing[Any], chain: Chain, parent: UUID, state: str, until: datetime | UUID
) -> list[Place]:
    """Marks after the last one of these rows. Returns the places marked."""
    run = (listing.source, chain.name, parent, state)
    last = await unit.row(_LAST, unit.tenant_id, *run) or _START
    query, laid = next_place(listing, chain), list[Place]()
    while len(laid) < AT_ONCE:
        values = _values(chain, parent, state)
        place = await unit.row(query, unit.tenant_id, *values, last.at, last.id, until)
        if place is None:
            break
        await unit.run(_LAY, unit.tenant_id, *run, place.at, place.id)
        laid.append(last := place)
    return laid


def _values(chain: Chain, parent: UUID, state: str) -> list[Any]:
    return [*([parent] if chain.parent else []), *([state] if chain.state else [])]


def _settled(now: datetime) -> Mapping[str, Any]:
    """The last place that may be marked, by how rows of a list are settled."""
    return {"now": now, "day": now.replace(hour=0, minute=0, second=0, microsecond=0), "hour": first_id(now - HOUR)}


def _settled_by(listing: Listing[Any]) -> LiteralString:
    return "id" if listing.settled == "hour" else listing.at


def due(listings: Sequence[Listing[Any]]) -> Query[str]:
    """Which lists have so many rows after their last mark that another is laid. Values: the tenant, then where rows are
    settled now, at the day's beginning and an hour ago."""
    parts: list[str] = []
    for one in listings:
        last = (
            f"from list_marks where tenant_id = $1 and list = '{one.source}' and chain = '' and parent = $1"
            " and state = '' order by at desc, id desc limit 1"
        )
        at = f"(select coalesce((select at {last}), '-infinity'))"
        row_id = f"(select coalesce((select id {last}), '{FIRST_ID}'))"
        until = {"now": "$2", "day": "$3", "hour": "$4"}[one.settled]
        parts.append(
            f"select '{one.source}' as list where exists (select from {one.source} where tenant_id = $1"
            f" and {one.compared('>', at, row_id)} and {_settled_by(one)} <= {until}"
            f" order by {one.key} offset {BETWEEN_MARKS - 1} limit 1)"
        )
    return Query(str, cast(LiteralString, " union all ".join(parts)))


def next_place(listing: Listing[Any], chain: Chain) -> Query[Place]:
    """The row of a chain after which the next mark is laid. Values: the tenant, the chain's own, the place before it,
    where rows are settled."""
    last = 1 + len(chain.columns)
    values = ", ".join([f"{name}::text" for name in listing.chain_columns])
    text = (
        f"select {listing.at} as at, id, array[{values}]::text[] as values from {listing.source}"
        f" where {listing.where(chain.columns)} and {listing.compared('>', f'${last + 1}', f'${last + 2}')}"
        f" and ${last + 1}::timestamptz is not null and {_settled_by(listing)} <= ${last + 3}"
        f" order by {listing.key} offset {BETWEEN_MARKS - 1} limit 1"
    )
    return Query(Place, cast(LiteralString, text))


def wrong_marks(listings: Sequence[Listing[Any]]) -> LiteralString:
    """Marks that do not say how many rows there are since the mark before them."""
    parts: list[str] = []
    for one in listings:
        for chain in (WHOLE, *(chain for chain in one.chains if chain.columns)):
            mine = f" and s.{chain.parent} = m.parent" if chain.parent else ""
            mine += f" and s.{chain.state} = m.state" if chain.state else ""
            key = ", ".join([f"s.{name}" for name in one.key.split(", ")])
            low, high = ("m.from_id", "m.id") if "," not in key else ("m.from_at, m.from_id", "m.at, m.id")
            parts.append(
                "select m.list, m.chain, m.parent, m.state, m.id, m.ordinal - m.before as said, c.found from ("
                " select list, chain, parent, state, at, id, ordinal, lag(ordinal, 1, 0::bigint) over w as before,"
                f" lag(at, 1, '-infinity') over w as from_at, lag(id, 1, '{FIRST_ID}') over w as from_id"
                f" from list_marks where tenant_id = $1 and list = '{one.source}' and chain = '{chain.name}'"
                " and ordinal is not null window w as (partition by parent, state order by at, id)) m"
                f" cross join lateral (select count(*) as found from {one.source} s where s.tenant_id = $1{mine}"
                f" and ({key}) > ({low}) and ({key}) <= ({high})) c where c.found <> m.ordinal - m.before"
            )
    return cast(LiteralString, " union all ".join(parts))
