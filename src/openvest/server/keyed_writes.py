"""Keyed writes outside the group commit: one request of a key works, equal ones wait for it and hear the same.

Within a process they wait in memory; between processes the key's advisory lock decides, and whoever does not get it
tries again. The wait is bounded; after it the answer is 409, and a later retry finds what was stored.

Source: DOMAIN.md section 8.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import cast
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.failpoints import failpoint
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint, Verb
from openvest.server.encoding import encode
from openvest.server.idempotency import Keyed, Keys, found, other_request, same_request, still_running, wanted
from openvest.server.lanes import Lanes
from openvest.server.messages import HttpResponse

_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.25
_SECOND_NS = 1_000_000_000
_BEFORE_COMMIT, _AFTER_COMMIT = failpoint("keyed.before_commit"), failpoint("keyed.after_commit")


@dataclass(slots=True)
class _Running:
    """A request that works under its key. `ended` is set whatever became of it; `outcome` is None if it hung up."""

    keyed: Keyed
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: HttpResponse | Exception | None = None


@dataclass(frozen=True, slots=True)
class KeyedWrites:
    """Runs writes under their keys. Units: `wait_seconds` is how long a request waits for another of its key."""

    database: Database
    keys: Keys
    wait_seconds: float
    lanes: Lanes
    _running: dict[tuple[UUID, UUID], _Running] = field(default_factory=dict[tuple[UUID, UUID], _Running])

    async def run(self, endpoint: Endpoint, call: Call, keyed: Keyed) -> HttpResponse:
        """Raises: Problem, DatabaseDown."""
        deadline_ns = monotonic_ns() + int(self.wait_seconds * _SECOND_NS)
        while (leader := self._running.get(keyed.scope)) is not None:
            outcome = await _ended(leader, deadline_ns)
            if outcome is None:
                continue
            differs = same_request(leader.keyed, keyed)
            if differs is None:
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome
            if isinstance(outcome, HttpResponse):
                raise other_request(differs)
        return await self._lead(endpoint, call, keyed, deadline_ns)

    async def _lead(self, endpoint: Endpoint, call: Call, keyed: Keyed, deadline_ns: int) -> HttpResponse:
        running = self._running[keyed.scope] = _Running(keyed)
        try:
            running.outcome = await self._work(endpoint, call, keyed, deadline_ns)
            return running.outcome
        except Exception as error:
            running.outcome = error
            raise
        finally:
            del self._running[keyed.scope]
            running.ended.set()

    async def _work(self, endpoint: Endpoint, call: Call, keyed: Keyed, deadline_ns: int) -> HttpResponse:
        verb = cast(Verb, endpoint.verb)

        async def attempt(unit: Unit) -> HttpResponse | None:
            locked, known = found(unit, [keyed])
            if not locked:
                unit.abandon()
                return None
            stored = known.get(keyed.scope)
            if stored is not None and stored.fresh:
                unit.abandon()
                return self.keys.replay(stored, keyed)
            uses = 1 if stored is None else stored.uses + 1
            unit.ids.cause = keyed.cause(uses)
            answer = encode(endpoint, await verb(unit, replace(call, cause=unit.ids.cause)))
            self.keys.store(unit, [(keyed, uses, answer)])
            _BEFORE_COMMIT()
            return answer

        wait = _FIRST_WAIT_SECONDS
        while True:
            async with self.lanes.of(call.caller.tenant_id):
                answer = await self.database.write(
                    call.caller.tenant_id, attempt, n=1 if endpoint.advances_clock else 0, keys=wanted([keyed])
                )
            if answer is not None:
                _AFTER_COMMIT()
                return answer
            if monotonic_ns() >= deadline_ns:
                raise still_running()
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)


async def _ended(leader: _Running, deadline_ns: int) -> HttpResponse | Exception | None:
    """What became of another request. Raises: Conflict when it takes too long."""
    left = (deadline_ns - monotonic_ns()) / _SECOND_NS
    try:
        async with asyncio.timeout(max(left, 0)):
            await leader.ended.wait()
    except TimeoutError:
        raise still_running() from None
    return leader.outcome
