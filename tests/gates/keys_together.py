"""Requests that share a unit of work, each answered as if it were alone (`together`).

Operations with a batch verb, and reads of an object by its id, are put together when they arrive together. Every such
operation is asked by many at once, good and bad ones in turn: each is answered with its own, a bad one is refused with
the words it would hear alone, and leaves nothing behind, whatever the others do.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from openvest.core.contracts import Contract
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Response
from openvest.server.reads import coalesces
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.keys_doors import Doors, doors
from tests.kit import footprint
from tests.kit.contracts import SERVED, TABLES, each_of, label, said_of
from tests.kit.operations import CONSTANT, Asked, asked_of, different_ones, live_by_http, path_names
from tests.kit.raw import Heard, ask, signed_by
from tests.kit.samples import every

Json = Any

_DATED = every(lambda sample: sample.dated)
_INSTANT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SHARED = footprint.PASSING | {"event_sets"}
"""Requests that share a unit of work share the row that stands for its events."""


@dataclass
class Sizes:
    """How many calls each batch verb was given at once, at most."""

    most: dict[str, int] = field(default_factory=dict[str, int])

    def watched(self, endpoint: Endpoint) -> Endpoint:
        """The same operation, which notes how many it is asked for at once."""
        verb = endpoint.batch
        if verb is None:
            return endpoint

        async def noted(unit: Unit, calls: Sequence[Call]) -> Sequence[Json | Response | Exception]:
            self.most[label(endpoint)] = max(self.most.get(label(endpoint), 0), len(calls))
            return await verb(unit, calls)

        return replace(endpoint, batch=noted)


@dataclass
class Together:
    """What is asked, and what is found about it."""

    at: Doors
    findings: list[str] = field(default_factory=list[str])
    asked: Counter[Contract] = field(default_factory=Counter[Contract])

    async def at_once(self, ones: Sequence[Asked], keys: Sequence[UUID | None]) -> list[Heard]:
        """All of them at one instance, which gets to see them together."""
        self.asked.update(one.contract for one in ones)
        messages = [await signed_by(self.at.api, one, key) for one, key in zip(ones, keys, strict=True)]
        return list(await asyncio.gather(*(ask(self.at.patient[0], message) for message in messages)))

    async def alone(self, one: Asked, key: UUID | None = None) -> Heard:
        return (await self.at_once([one], [key]))[0]

    def wrong(self, endpoint: Endpoint, what: str) -> None:
        self.findings.append(f"{label(endpoint)}: {what}")


async def _reads(seen: Together, endpoint: Endpoint, objects: Sequence[Mapping[str, str]], rounds: int) -> None:
    """Objects that are there and ones that are not, in turn."""
    ones = [asked_of(endpoint, {**CONSTANT, **ids}) for ids in objects] + [
        asked_of(endpoint, CONSTANT) for _ in objects
    ]
    wanted = {one.target: await seen.alone(one) for one in ones}
    statuses = {heard.status for heard in wanted.values()}
    if 200 not in statuses or (max(statuses) < 400 and set(path_names(endpoint)) - set(CONSTANT)):
        seen.wrong(endpoint, f"alone only {sorted(statuses)} are heard, so it says nothing together")
    for _ in range(rounds):
        order = [one for pair in zip(ones[: len(objects)], ones[len(objects) :], strict=True) for one in pair]
        for one, heard in zip(order, await seen.at_once(order, [None] * len(order)), strict=True):
            if _said(endpoint, heard) != _said(endpoint, wanted[one.target]):
                seen.wrong(endpoint, f"{one.target} among others is answered {heard.status} {heard.content[:200]!r}")


def _said(endpoint: Endpoint, heard: Heard) -> bytes:
    """What was heard, but for instants that differ with every moment."""
    return _INSTANT.sub(b"", heard.common) if said_of(_DATED, endpoint) else heard.common


async def _writes(seen: Together, endpoint: Endpoint, count: int) -> None:
    """Good and bad ones in turn, under keys of their own, then all of them once more."""
    at = seen.at
    good = await different_ones(at.database, at.tenant_id, endpoint, count + 2)
    usual: Mapping[str, int] = {}
    for one in good[count:]:  # the first makes what only a first one makes
        before = await footprint.rows(at.eye, but=_SHARED)
        heard = await seen.alone(one, uuid4())
        assert 200 <= heard.status < 300, f"{label(endpoint)}: {heard.status} {heard.content!r}"
        usual = footprint.grown(before, await footprint.rows(at.eye, but=_SHARED))
    bad = [asked_of(endpoint, {}) for _ in range(count)]
    refused = [await seen.alone(one, uuid4()) for one in bad]
    if {heard.status // 100 for heard in refused} != {4}:
        seen.wrong(endpoint, f"for objects of nobody it is answered {refused[0].status}, so nothing is refused here")
    ones = [one for pair in zip(good[:count], bad, strict=True) for one in pair]
    keys = [uuid4() for _ in ones]
    before = await footprint.rows(at.eye, but=_SHARED)
    first = await seen.at_once(ones, keys)
    grown = footprint.grown(before, await footprint.rows(at.eye, but=_SHARED))
    expected = {table: n * count for table, n in usual.items()}
    if grown != expected:
        seen.wrong(endpoint, f"{count} good ones among {count} bad ones left {grown} instead of {expected}")
    for number, (one, heard) in enumerate(zip(ones, first, strict=True)):
        if number % 2 and heard.common != refused[number // 2].common:
            seen.wrong(endpoint, f"a bad one among good ones is answered {heard.status} {heard.content[:200]!r}")
        elif not number % 2 and heard.status >= 300:
            seen.wrong(endpoint, f"a good one among bad ones is answered {heard.status} {heard.content[:200]!r}")
        elif not number % 2:
            _is_of(seen, endpoint, one, heard, ones)
    for one, heard, again in zip(ones, first, await seen.at_once(ones, keys), strict=True):
        if again.common != heard.common:
            seen.wrong(endpoint, f"{one.body}: is answered otherwise the second time: {again.content[:200]!r}")


def _is_of(seen: Together, endpoint: Endpoint, one: Asked, heard: Heard, ones: Sequence[Asked]) -> None:
    """Whether an answer is about this request: what both have by the same name is the same, and tells them apart."""
    answer: Json = json.loads(heard.content)
    both = {name for name in one.body if name in answer}
    differs = [name for name in both if str(one.body[name]) != str(answer[name])]
    if differs:
        seen.wrong(endpoint, f"{one.body} is answered with another's {', '.join(sorted(differs))}")
    if len({json.dumps([other.body[name] for name in sorted(both)]) for other in ones[::2]}) != len(ones) // 2:
        seen.wrong(endpoint, "an answer does not show whose it is: give its requests a field that it shows")


async def together(run: Run) -> Verdict:
    """Every operation whose requests share units of work."""
    sizes = Sizes()
    watched = {contract: [sizes.watched(endpoint) for endpoint in table] for contract, table in TABLES.items()}
    async with doors(watched) as at:
        seen = Together(at)
        world = at.world
        objects = [await live_by_http(world, at.api, at.tenant_id) for _ in range(3)]
        reads = [one for one in SERVED if one.method == "GET" and one.direct is None and coalesces(one)]
        writes = [one for one in SERVED if one.method != "GET" and one.batch is not None]
        for endpoint in reads:
            await _reads(seen, endpoint, objects, run["rounds"])
        for endpoint in writes:
            await _writes(seen, endpoint, run["writes"])
    for endpoint in (*reads, *writes):
        if endpoint.batch is not None and sizes.most.get(label(endpoint), 0) < 2:
            seen.wrong(endpoint, "was never asked for several at once")
    return Verdict(
        f"{each_of(reads)} reads and {each_of(writes)} writes that share units of work,"
        f" {each_of(seen.asked)} requests, up to {max(sizes.most.values(), default=0)} at once:"
        f" {len(seen.findings)} findings",
        sorted(set(seen.findings)),
    )


GATES = (
    Gate(
        "together",
        "requests that share a unit of work are answered as if each were alone",
        together,
        push={"rounds": 3, "writes": 10},
        night={"rounds": 50, "writes": 200},
        quick=True,
    ),
)
