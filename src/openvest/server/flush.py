"""Adaptive group commit: requests of one tenant and one endpoint share a unit of work.

What queues up while the last flush runs is the next one; a lone request is a flush of one, there is no other path. A
flush commits before anyone hears of it, the nonces of its requests with their effects. A data error runs every request
alone; where the outcome is unknown all hear so, and their retries find the truth under their keys.

Source: PERFORMANCE.md "A flush"; DOMAIN.md sections 2 and 8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.failpoints import failpoint
from openvest.core.problems import Problem
from openvest.core.records import record, replace
from openvest.db.faults import AGAIN, TooBusy, is_passing
from openvest.db.lending import apart
from openvest.db.unit import DRAINS_SECONDS, Database, MustDrain, Unit
from openvest.declarations import BatchVerb, Call, Endpoint
from openvest.server.encoding import encode
from openvest.server.idempotency import (
    Keyed,
    Keys,
    StoredAnswer,
    found,
    other_request,
    same_request,
    still_running,
    wanted,
)
from openvest.server.messages import HttpResponse
from openvest.server.nonces import Asked, Claim
from openvest.server.queues import Batcher, Waiting
from openvest.server.settings import ServerSettings

_AGAIN_SECONDS = 0.02
_BEFORE_COMMIT, _AFTER_COMMIT = failpoint("flush.before_commit"), failpoint("flush.after_commit")


@record
class FlushItem:
    """A request that a flush is to admit and to work. Units: `deadline_ns` and `came_ns` are monotonic nanoseconds."""

    call: Call
    keyed: Keyed | None
    deadline_ns: int
    claim: Claim | None = None
    came_ns: int = field(default_factory=monotonic_ns)


class _Again(Exception):
    """The key is in use elsewhere; the request goes into a later flush."""


Outcome = HttpResponse | Exception
_Key = tuple[UUID, int]
_Item = Waiting[FlushItem, HttpResponse]


@dataclass(slots=True)
class _Plan:
    """Who works and who waits for whom. Shape: positions in the flush; `uses` by worker, None where unkeyed."""

    outcomes: dict[int, Outcome]
    workers: list[int]
    uses: dict[int, int]
    followers: list[tuple[int, int]]


class Flush:
    """The queues of all endpoints that have a batch verb and write."""

    def __init__(self, database: Database, keys: Keys, settings: ServerSettings) -> None:
        self._database = database
        self._keys = keys
        self._endpoints: dict[int, Endpoint] = {}
        self._resting: set[asyncio.Task[None]] = set()
        self._batcher: Batcher[_Key, FlushItem, HttpResponse] = Batcher(
            self._run, settings.flush_runners, settings.flush_size, settings.flush_crowd
        )

    async def submit(self, endpoint: Endpoint, item: FlushItem) -> HttpResponse:
        """The answer, committed. Raises: Problem, DatabaseDown."""
        self._endpoints[id(endpoint)] = endpoint
        return await self._batcher.submit((item.call.caller.tenant_id, id(endpoint)), item)

    async def drained(self) -> None:
        while self._resting:
            await asyncio.wait(list(self._resting))
            await self._batcher.drained()
        await self._batcher.drained()

    async def _run(self, key: _Key, waiting: Sequence[_Item]) -> None:
        try:
            outcomes = await self._together(key, waiting)
        except MustDrain:
            self._rest_first(key, waiting)
            return
        except Exception as error:
            # Where the database is at fault all hear so: one by one they would only wait for it in turn.
            if is_passing(error) and not isinstance(error, AGAIN):
                raise
            if len(waiting) == 1:
                waiting[0].fail(error)
                return
            for one in waiting:
                await self._run(key, [one])
            return
        for one, outcome in zip(waiting, outcomes, strict=True):
            self._settle(key, one, outcome)

    def _rest_first(self, key: _Key, waiting: Sequence[_Item]) -> None:
        """Bring the frozen tenant to rest, then queue what came for it again.

        Why apart: there are few runners, and a tenant whose turn does not come must not keep them from all others.
        """

        async def rest() -> None:
            try:
                await self._database.drain(key[0])
            except Exception as error:
                for one in waiting:
                    one.fail(error)
            else:
                for one in waiting:
                    if monotonic_ns() - one.item.came_ns > DRAINS_SECONDS * 1_000_000_000:
                        one.fail(TooBusy(f"others came first for {DRAINS_SECONDS:g} s"))
                    else:
                        self._batcher.requeue(key, one)

        task = apart(rest())
        self._resting.add(task)
        task.add_done_callback(self._resting.discard)

    def _settle(self, key: _Key, one: _Item, outcome: Outcome) -> None:
        if isinstance(outcome, HttpResponse):
            one.succeed(outcome)
        elif not isinstance(outcome, _Again):
            one.fail(outcome)
        elif monotonic_ns() >= one.item.deadline_ns:
            one.fail(still_running())
        else:
            asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._batcher.requeue, key, one)

    async def _together(self, key: _Key, waiting: Sequence[_Item]) -> list[Outcome]:
        tenant_id, number = key
        endpoint = self._endpoints[number]
        items = [one.item for one in waiting]
        keyed = list({k.scope: k for item in items if (k := item.keyed) is not None}.values())
        asked = Asked([item.claim for item in items])

        async def work(unit: Unit) -> tuple[list[Outcome], bool]:
            plan = self._plan(unit, items, keyed, asked)
            accepted = await self._work(unit, endpoint, items, plan)
            if not accepted:
                unit.abandon()
            for leader, follower in plan.followers:
                plan.outcomes[follower] = _shared(plan.outcomes[leader], items[leader], items[follower])
            _BEFORE_COMMIT()
            return [plan.outcomes[position] for position in range(len(items))], accepted

        outcomes, committed = await self._database.write(
            tenant_id,
            work,
            n=len(items) if endpoint.advances_clock else 0,
            drains=False,
            keys=wanted(keyed, asked.arguments),
        )
        _AFTER_COMMIT()
        if committed:
            asked.spend()
        return outcomes

    def _plan(self, unit: Unit, items: Sequence[FlushItem], keyed: Sequence[Keyed], asked: Asked) -> _Plan:
        """Answer the known keys; of equal keys the first works. Who is not admitted has no part in it."""
        plan = _Plan({**asked.refusals(unit.opened.used, unit.opened.changed)}, [], {}, [])
        locked, known = found(unit, keyed)
        first: dict[tuple[UUID, UUID], int] = {}
        for position, item in enumerate(items):
            if position in plan.outcomes:
                continue
            if (k := item.keyed) is None:
                plan.workers.append(position)
            elif (stored := known.get(k.scope)) is not None and stored.fresh:
                plan.outcomes[position] = self._replay(stored, k)
            elif (leader := first.setdefault(k.scope, position)) != position:
                plan.followers.append((leader, position))
            elif k.scope in locked:
                plan.workers.append(position)
                plan.uses[position] = 1 if stored is None else stored.uses + 1
            else:
                plan.outcomes[position] = _Again()
        return plan

    def _replay(self, stored: StoredAnswer, keyed: Keyed) -> Outcome:
        try:
            return self._keys.replay(stored, keyed)
        except Problem as problem:
            return problem

    async def _work(self, unit: Unit, endpoint: Endpoint, items: Sequence[FlushItem], plan: _Plan) -> bool:
        """Run the verb once for all workers and store what they are answered. False where nothing was accepted."""
        if not plan.workers or endpoint.batch is None:
            return False
        verb: BatchVerb = endpoint.batch
        calls: list[Call] = []
        for number, position in enumerate(plan.workers):
            item = items[position]
            # Of ids that are random nothing is the cause.
            cause = _cause(item.keyed, plan.uses.get(position, 0), unit.write_number + number) if unit.frozen else ""
            calls.append(replace(item.call, cause=cause, item=number))
        results = await verb(unit, calls)
        stored: list[tuple[Keyed, int, HttpResponse]] = []
        accepted = False
        for position, result in zip(plan.workers, results, strict=True):
            if isinstance(result, Exception):
                plan.outcomes[position] = result
                continue
            answer = plan.outcomes[position] = encode(endpoint, result)
            accepted = True
            keyed = items[position].keyed
            if keyed is not None:
                stored.append((keyed, plan.uses[position], answer))
        self._keys.store(unit, stored)
        return accepted


def _cause(keyed: Keyed | None, uses: int, write_number: int) -> str:
    return f"write {write_number}" if keyed is None else keyed.cause(uses)


def _shared(outcome: Outcome, leader: FlushItem, follower: FlushItem) -> Outcome:
    """What a request hears whose key another one of the same flush worked under."""
    if isinstance(outcome, _Again) or leader.keyed is None or follower.keyed is None:
        return _Again()
    differs = same_request(leader.keyed, follower.keyed)
    if differs is None:
        return outcome
    # A refusal leaves nothing under the key, so another request under it runs anew.
    return other_request(differs) if isinstance(outcome, HttpResponse) else _Again()
