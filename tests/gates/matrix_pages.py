"""Lists: limits, orders, filters, pages that together are the list, and what a first page costs (R41).

Cost is counted, not timed: how many statements a page sends whatever its size, and how many rows a first page reads,
by every sort, order and filter.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx

from openvest.core.paging import PageParameters
from openvest.core.shown import ViewMapper
from openvest.core.snapshots import snapshot_of, written
from openvest.db.paging import Listing
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.declarations import Endpoint
from tests.architecture.test_queries import declared
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.matrix_ground import Floor, floor
from tests.kit.contracts import SERVED, Page, label, list_shape, operation_of, page_in
from tests.kit.http import Api
from tests.kit.operations import begun, target
from tests.kit.samples import SAMPLES, lacks, owner_of, sample_of

Json = dict[str, Any]
Sent = tuple[str, tuple[Any, ...]]

LISTS = [one for one in SERVED if one.query is not None and issubclass(one.query, PageParameters)]
PAGE = ("offset", "limit", "order", "sort")
REFUSED = (
    "limit=1000000000", "limit=many", "limit=1.5", "offset=-1", "offset=far", "offset=1e3",
    "offset=2147483648", "offset=999999999999999999999999999999", "order=UP", "order=asc",
    "sort=no_such_field", "sort=id;", "no_such_filter=1",
)  # fmt: skip
WHOLE_TABLE = 1_000
"""More than these no step of a first page reads."""
EVER, NEVER = "2001-01-01", "2039-01-01"


@dataclass
class Lists:
    """A tenant with long lists, and what is found about them."""

    stood: Floor
    api: Api
    ids: Mapping[str, str]
    rows: int
    findings: list[str] = field(default_factory=list[str])
    requests: int = 0
    plans: int = 0
    sent: list[Sent] = field(default_factory=list[Sent])
    """Every page's statement."""

    async def get(self, endpoint: Endpoint, **query: Any) -> httpx.Response:
        self.requests += 1
        at = target(endpoint, self.ids)
        return await self.api.of(endpoint).get(f"{at}?{httpx.QueryParams(query)}" if query else at)

    async def page(self, endpoint: Endpoint, **query: Any) -> Page:
        answer = await self.get(endpoint, **query)
        assert answer.status_code == 200, f"{label(endpoint)} {query}: {answer.status_code} {answer.text[:300]}"
        return page_in(endpoint, answer.json())

    def wrong(self, endpoint: Endpoint, what: str) -> None:
        self.findings.append(f"{label(endpoint)}: {what}")


@contextmanager
def statements() -> Generator[list[Sent]]:
    """What units ask for inside the block."""
    sent: list[Sent] = []
    rows, row = Unit.rows, Unit.row

    async def noted_rows(unit: Unit, query: Query[Any], *args: Any) -> list[Any]:
        sent.append((query.sql, args))
        return await rows(unit, query, *args)

    async def noted_row(unit: Unit, query: Query[Any], *args: Any) -> Any:
        sent.append((query.sql, args))
        return await row(unit, query, *args)

    with patch.object(Unit, "rows", noted_rows), patch.object(Unit, "row", noted_row):
        yield sent


@contextmanager
def rows_shown() -> Generator[list[str]]:
    """Inside, each row that is shown without a snapshot is held against how its snapshot is. Gives findings."""
    findings: list[str] = []
    show = ViewMapper._of_row  # pyright: ignore[reportPrivateUsage] - behind every mapper of `shown`

    def noted(mapper: ViewMapper, row: Any) -> Any:
        made = show(mapper, row)
        if written(made) != written(mapper(snapshot_of(row))):
            findings.append(f"{type(row).__name__}: shown as {written(made).decode()} and not as its snapshot is")
        return made

    with patch.object(ViewMapper, "_of_row", noted):
        yield findings


# A tenant with long lists


async def furnish(stood: Floor, tenant_id: UUID, api: Api, rows: int) -> Mapping[str, str]:
    """A life with as many rows in each list as are asked for. Returns the ids."""
    life = await begun(stood.world, api, tenant_id)
    for sample in SAMPLES.values():
        if sample.many is not None:
            await sample.many(life, rows)
    return life.ids


# What is asked of each list


def _parameters(endpoint: Endpoint) -> dict[str, Json]:
    return {p["name"]: p["schema"] for p in operation_of(endpoint)["parameters"] if p.get("in") == "query"}


def _orders(endpoint: Endpoint) -> Sequence[Mapping[str, str]]:
    """What is said of the direction: both, or nothing where a contract has but one."""
    return [{"order": "ASC"}, {"order": "DESC"}] if "order" in _parameters(endpoint) else [{}]


def _choices(schema: Json) -> list[str]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


async def _limits(lists: Lists, endpoint: Endpoint) -> None:
    """What is no page is refused, and one behind the end is empty."""
    shape = list_shape(endpoint)
    for query in (*REFUSED, f"limit={shape.least - 1}", f"limit={shape.most + 1}"):
        name, _, value = query.partition("=")
        answer = await lists.get(endpoint, **{name: value})
        if answer.status_code != 400:
            lists.wrong(endpoint, f"{query} is answered {answer.status_code}")
    whole = await lists.page(endpoint)
    for offset in (999_999_999, 1_000_000_000, 2**31 - 1):
        answer = await lists.get(endpoint, offset=offset)
        found = page_in(endpoint, answer.json()) if answer.status_code == 200 else None
        if found is None or found.rows or found.total != whole.total:
            lists.wrong(endpoint, f"offset={offset} is answered {answer.status_code} {answer.text[:100]}")
    asked = {limit: await lists.page(endpoint, limit=limit) for limit in (shape.least, 1, shape.most)}
    for limit, found in [*asked.items(), (shape.default, whole)]:
        if len(found.rows) != min(limit, found.total) or found.limit != limit:
            lists.wrong(endpoint, f"limit={limit} gives {len(found.rows)} of {found.total}, limit {found.limit}")


async def _pages(lists: Lists, endpoint: Endpoint) -> set[str]:
    """Each sort × order in pages: no row twice, none missing, one direction the other backwards. Returns the rows."""
    every = set[str]()
    sorts = _choices(_parameters(endpoint).get("sort", {}))
    for sort in sorts or [None]:
        both: list[list[str]] = []
        for asked in _orders(endpoint):
            items = [item async for item in _walked(lists, endpoint, {"sort": sort, **asked} if sort else asked)]
            texts = [json.dumps(item, sort_keys=True) for item in items]
            both.append(texts if asked.get("order") != "DESC" else texts[::-1])
            if len(set(texts)) != len(texts):
                lists.wrong(endpoint, f"{sort} {asked} shows {len(texts) - len(set(texts))} rows twice")
            keys = [item[sort] for item in items if sort is not None and sort in item]
            if sort != "id" and keys != sorted(keys, reverse=asked.get("order") == "DESC"):
                lists.wrong(endpoint, f"{sort} {asked} is not in that order")
        every = every or set(both[0])
        if set(both[0]) != every or any(other != both[0] for other in both):
            lists.wrong(endpoint, f"by {sort} the list is another one")
    return every


async def _walked(lists: Lists, endpoint: Endpoint, asked: Mapping[str, str]) -> Any:
    offset, limit = 0, min(max(2, lists.rows // 3 - 1), list_shape(endpoint).most)
    while True:
        found = await lists.page(endpoint, offset=offset, limit=limit, **asked)
        for item in found.rows:
            yield item
        offset += len(found.rows)
        if not found.rows or offset >= found.total:
            if offset != found.total:
                lists.wrong(endpoint, f"counts {found.total} and has {offset}")
            return


async def _filters(lists: Lists, endpoint: Endpoint, every: set[str]) -> None:
    """Each filter by itself: what it lets through fits it, and nothing else is kept back."""
    for name, schema in _parameters(endpoint).items():
        if name in PAGE:
            continue
        counts: list[int] = []
        for value in _choices(schema):
            found = await lists.page(endpoint, **{name: value})
            counts.append(found.total)
            if any(item.get(name, value) != value for item in found.rows):
                lists.wrong(endpoint, f"{name}={value} lets others through")
        if counts and "default" not in schema and sum(counts) != len(every):
            lists.wrong(endpoint, f"the values of {name} come to {sum(counts)} of {len(every)} rows")
        for value, wanted in _either_way(lists, endpoint, name, schema):
            found, said = await lists.page(endpoint, **{name: value}), _shown(every, name)
            fitting = (said.count(value) if said else len(every)) if wanted else 0
            if found.total != fitting or bool(fitting) != wanted:
                lists.wrong(endpoint, f"{name}={value} gives {found.total} instead of {fitting} of {len(every)} rows")
        texts = [] if counts or "format" in schema else _shown(every, name)
        for value, wanted in ((texts[0], texts.count(texts[0])), ("nobody has this", 0)) if texts else ():
            found = await lists.page(endpoint, **{name: value})
            if found.total != wanted or any(item[name] != value for item in found.rows):
                lists.wrong(endpoint, f"{name}={value} gives {found.total} instead of {wanted} rows")
        if not counts and not texts and not list(_either_way(lists, endpoint, name, schema)):
            lists.wrong(endpoint, f"nobody knows how to try the filter {name}")


def _shown(every: set[str], name: str) -> list[str]:
    """What rows show by the name of a filter, row by row."""
    return [shown for row in every if isinstance(shown := json.loads(row).get(name), str)]


def _either_way(lists: Lists, endpoint: Endpoint, name: str, schema: Json) -> Iterator[tuple[str, bool]]:
    """A value that lets every row through that does not show another, and one that lets none."""
    kind = schema.get("format")
    known = sample_of(endpoint).whose.get(f"{label(endpoint)} query {name}", name)
    if kind in ("uuid", None) and known in lists.ids:
        yield lists.ids[known], True
        yield str(UUID(int=7)), False
    if kind in ("date", "date-time"):
        late = name.startswith("end") or name.endswith("to")
        ending = "T00:00:00Z" if kind == "date-time" else ""
        yield (NEVER if late else EVER) + ending, True
        yield (EVER if late else NEVER) + ending, False


async def _cost(lists: Lists, endpoint: Endpoint) -> None:
    """A page sends as many statements as one row does, and no first page, whatever its sort, order and filter, reads,
    sorts or passes over many more rows than it shows."""
    with statements() as one:
        await lists.page(endpoint, limit=1)
    with statements() as many:
        await lists.page(endpoint, limit=list_shape(endpoint).most)
    if len(many) != len(one):
        lists.wrong(endpoint, f"a long page sends {len(many)} statements, one row {len(one)}")
    for number, asked in enumerate(_asked(lists, endpoint)):
        with statements() as sent:
            await lists.page(endpoint, **asked)
        paged = [(sql, args) for sql, args in sent if " offset $" in sql or " as length from " in sql]
        if not paged and number == 0:
            lists.findings.append(lacks(owner_of(endpoint), "many", f"makes no row of {label(endpoint)}: make some"))
        for sql, args in paged:
            lists.plans += 1
            most = await _most_read(lists, sql, args)
            if most > WHOLE_TABLE:
                lists.wrong(endpoint, f"its first page {asked} reads {most} rows")


def _asked(lists: Lists, endpoint: Endpoint) -> Iterator[Mapping[str, str]]:
    """Every sort and order, by itself and with each filter; the list as it is comes first."""
    parameters = _parameters(endpoint)
    filters: list[Mapping[str, str]] = [{}]
    for name, schema in parameters.items():
        if name not in PAGE:
            values = _choices(schema) or [value for value, _ in _either_way(lists, endpoint, name, schema)]
            filters += [{name: value} for value in values]
    for sort in _choices(parameters.get("sort", {})) or [None]:
        for asked in _orders(endpoint):
            for chosen in filters:
                yield {**({"sort": sort} if sort else {}), **asked, **chosen}


async def _most_read(lists: Lists, sql: str, args: Sequence[Any]) -> int:
    """The most rows that one step of a statement reads, those it passes over included."""
    async with lists.stood.world.database.connection() as connection:
        await connection.execute("begin")
        try:
            await connection.execute("select set_config('app.tenant', $1, true)", str(lists.api.client.tenant_id))
            (record,) = await connection.fetch(f"explain (analyze, timing off, format json) {sql}", *args)
        finally:
            await connection.execute("rollback")
    plan = record[0] if isinstance(record[0], list) else json.loads(record[0])
    return max(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in _nodes(plan[0]["Plan"])
    )


def _nodes(node: Json) -> Iterator[Json]:
    """All but what is asked beside the page: how long the list is comes from marks, of which there are none here."""
    yield node
    for inner in node.get("Plans", []):
        if inner.get("Parent Relationship") != "InitPlan":
            yield from _nodes(inner)


def unseen(sent: Sequence[Sent]) -> list[str]:
    """Listings, and sorts of them, that no list of the catalog asked for."""
    found: list[str] = []
    for name, listing in declared(Listing):
        mine = [sql for sql, _ in sent if f"select {listing.columns} from {listing.source} where" in sql]
        sorts = [sort for sort, column in listing.sorts.items() if not any(f"order by {column} " in s for s in mine)]
        found += [f"{name}: no page was asked for by {sort}" for sort in sorts]
    return found


async def pages(run: Run) -> Verdict:
    """Every list of the catalog over a tenant with long ones."""
    async with floor() as stood:
        tenant_id = await stood.tenant("Many", pace="instant")
        api = await stood.client(tenant_id)
        ids = await furnish(stood, tenant_id, api, run["rows"])
        async with stood.superuser() as connection:
            await connection.execute("analyze")
        lists = Lists(stood, api, ids, run["rows"])
        longest, shown = 0, 0
        with statements() as sent, rows_shown() as otherwise:
            for endpoint in LISTS:
                await _limits(lists, endpoint)
                every = await _pages(lists, endpoint)
                await _filters(lists, endpoint, every)
                await _cost(lists, endpoint)
                longest, shown = max(longest, len(every)), shown + len(every)
        findings = [*lists.findings, *unseen(sent), *dict.fromkeys(otherwise)]
    if longest < run["rows"]:
        findings.append(f"the longest list has {longest} rows")
    return Verdict(
        f"{len(LISTS)} lists of {shown} rows in all, the longest {longest}: {lists.requests} requests, {lists.plans}"
        f" plans of first pages, {len(findings)} findings",
        findings,
    )


GATES = (Gate("R41 paging", "lists stay lists, however long", pages, push={"rows": 2_000}, night={"rows": 10_000}),)
