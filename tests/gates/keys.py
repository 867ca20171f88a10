"""Idempotency keys under attack: one effect each, whatever is sent under them (R16, R17)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.server.app import App
from tests.gates import keys_together
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.keys_doors import Doors, doors
from tests.gates.keys_matrix import matrix
from tests.kit import footprint
from tests.kit.operations import KEYED, Asked, different_ones
from tests.kit.raw import Heard, ask, signed_by

COPIES = 20
IN_USE = b"A request with this idempotency key is still running"
_MOST_TRIES = 400
_SHARED = footprint.PASSING | {"event_sets"}
"""Requests that share a unit of work share the row that stands for its events."""
_FAR_SECONDS = 0.02
"""How much further away the database is at most in a storm."""


@dataclass(slots=True)
class Told:
    """What the storm was told of one key."""

    asked: Asked
    key: UUID
    answers: Counter[tuple[int, bytes]] = field(default_factory=Counter[tuple[int, bytes]])
    in_use: int = 0
    others: list[str] = field(default_factory=list[str])

    def hear(self, heard: Heard) -> bool:
        """Whether this was an answer, and not that the key is in use."""
        if heard.status == 409 and IN_USE in heard.content:
            self.in_use += 1
            return False
        self.answers[heard.status, heard.content] += 1
        return True

    def finding(self, copies: int) -> str | None:
        if len(self.answers) == 1 and self.answers.total() == copies:
            ((status, _),) = self.answers
            if 200 <= status < 300:
                return None
        said = [f"{times} x {status} {content[:160]!r}" for (status, content), times in self.answers.items()]
        return f"{self.asked.method} {self.asked.target}: {copies} equal requests were answered {'; '.join(said)}"


@contextmanager
def far_database(chance: Random) -> Generator[None]:
    """Units wait before every second question, each time for another while.

    Why: on one machine two statements follow each other so closely that hardly anything ever happens between them;
    what relies on that is not seen.
    """
    rows = Unit.rows

    async def later(unit: Unit, query: Query[Any], *args: Any) -> list[Any]:
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * _FAR_SECONDS)
        return await rows(unit, query, *args)

    with patch.object(Unit, "rows", later):
        yield


async def storm(run: Run) -> Verdict:
    """Keys of every operation that takes one, each sent many times at once, at two instances."""
    async with doors() as at:
        each = -(-run["keys"] // len(KEYED))
        wanted: list[Asked] = []
        expected: Counter[str] = Counter()
        for endpoint in KEYED:
            ones = await different_ones(at.database, at.tenant_id, endpoint, each + 2)
            wanted += ones[2:]
            for table, count in (await _alone(at, ones[0], ones[1])).items():
                expected[table] += count * each
        before = await footprint.rows(at.eye, but=_SHARED)
        chance = run.chance("order of the copies")
        chance.shuffle(wanted)
        told: list[Told] = []
        with far_database(run.chance("distance")):
            for start in range(0, len(wanted), run["wave"]):
                told += await _wave(at, wanted[start : start + run["wave"]], chance)
        grown = Counter(footprint.grown(before, await footprint.rows(at.eye, but=_SHARED)))
    findings = [finding for one in told if (finding := one.finding(COPIES)) is not None]
    findings += [
        f"table {table}: {grown[table]} new rows where one effect per key makes {expected[table]}"
        for table in sorted({*grown, *expected})
        if grown[table] != expected[table]
    ]
    # What is done and has nothing to say is answered alike.
    said = [one for one in told if any(content for _, content in one.answers)]
    bodies = {content for one in said for _, content in one.answers}
    if len(bodies) != len(said):
        findings.append(f"{len(said)} keys were answered with {len(bodies)} different bodies")
    in_use = sum(one.in_use for one in told)
    if not in_use:
        findings.append("no request met a key in use: the storm was none")
    return Verdict(
        f"{len(told)} keys x {COPIES} at two instances, over {len(KEYED)} operations: {len(bodies)} bodies, byte-equal"
        f" per key; {in_use} times 409, in use, then equal; effects in {len(expected)} tables exactly once",
        findings,
    )


async def _alone(at: Doors, first: Asked, second: Asked) -> Counter[str]:
    """What one request does when nothing else happens. The first one makes what only a first one makes."""
    grown: Counter[str] = Counter()
    for asked in (first, second):
        before = await footprint.rows(at.eye, but=_SHARED)
        heard = await ask(at.patient[0], await signed_by(at.api, asked, uuid4()))
        assert 200 <= heard.status < 300, f"{asked.method} {asked.target}: {heard.status} {heard.content!r}"
        grown = Counter(footprint.grown(before, await footprint.rows(at.eye, but=_SHARED)))
    return grown


async def _wave(at: Doors, wanted: Sequence[Asked], chance: Random) -> list[Told]:
    """Every copy of every request of the wave at once; whoever is told that the key is in use asks again."""
    told = [Told(asked, UUID(int=chance.getrandbits(128), version=4)) for asked in wanted]
    apps = [*at.patient, *at.hasty]

    async def one(about: Told, app: App) -> None:
        for attempt in range(_MOST_TRIES):
            if about.hear(await ask(app, await signed_by(at.api, about.asked, about.key))):
                return
            await asyncio.sleep(min(0.005 * (attempt + 1), 0.1))
        about.answers[409, b"in use for ever"] += 1

    copies = [(about, apps[copy % len(apps)]) for about in told for copy in range(COPIES)]
    chance.shuffle(copies)
    await asyncio.gather(*(one(about, app) for about, app in copies))
    return told


GATES = (
    Gate(
        "R16 key-storm",
        "a key has one effect, however often and wherever it is sent at once",
        storm,
        push={"keys": 500, "wave": 50},
        night={"keys": 10_000, "wave": 100},
    ),
    Gate(
        "R17 key-reuse",
        "a key stands for one request of one client; any other request under it is told what differs",
        matrix,
        push={"fuzz": 10, "others": 1_000},
        test={"others": 8},
        night={"fuzz": 2_000},
        quick=True,
    ),
    *keys_together.GATES,
)
