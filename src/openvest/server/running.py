"""Run an endpoint: a read in a unit that reads, a write in a unit that writes, a keyed write with its answer stored.

The transaction is committed before the answer leaves.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, cast

from openvest.core.clock import monotonic_ns
from openvest.core.declarations import Call, Endpoint, Verb
from openvest.db.unit import Database, Unit
from openvest.server.encoding import encode
from openvest.server.flush import Flush, FlushItem
from openvest.server.idempotency import Keyed, Keys, lock_and_find, still_running
from openvest.server.messages import Answer
from openvest.server.reads import Reads, coalesces
from openvest.server.settings import ServerSettings

_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Runner:
    """Every way in which an endpoint can run."""

    database: Database
    keys: Keys
    settings: ServerSettings
    flush: Flush
    reads: Reads
    services: Any = None
    """What direct endpoints are handed: the parts of this process, as the composition root assembled them."""

    async def run(self, endpoint: Endpoint, call: Call, keyed: Keyed | None) -> Answer:
        """Raises: Problem, DatabaseDown."""
        if endpoint.is_write:
            if endpoint.batch is not None:
                return await self.flush.submit(endpoint, FlushItem(call, keyed, self._deadline()))
        elif coalesces(endpoint):
            return await self.reads.submit(endpoint, call)
        if endpoint.direct is not None:
            return encode(endpoint, await endpoint.direct(self.services, call))
        verb = cast(Verb, endpoint.verb)
        if not endpoint.is_write:

            async def read(unit: Unit) -> Answer:
                return encode(endpoint, await verb(unit, call))

            return await self.database.read(call.caller.tenant_id, read)
        if keyed is not None:
            return await self._run_keyed(endpoint, verb, call, keyed)

        async def write(unit: Unit) -> Answer:
            return encode(endpoint, await verb(unit, replace(call, cause=unit.ids.cause)))

        return await self.database.write(call.caller.tenant_id, write, n=1 if endpoint.ticks else 0)

    def _deadline(self) -> int:
        return monotonic_ns() + int(self.settings.key_wait_seconds * 1_000_000_000)

    async def _run_keyed(self, endpoint: Endpoint, verb: Verb, call: Call, keyed: Keyed) -> Answer:
        async def attempt(unit: Unit) -> Answer | None:
            locked, known = await lock_and_find(unit, [keyed])
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
            await self.keys.store(unit, [(keyed, uses, answer)])
            return answer

        deadline, wait = self._deadline(), _FIRST_WAIT_SECONDS
        while True:
            answer = await self.database.write(call.caller.tenant_id, attempt, n=1 if endpoint.ticks else 0)
            if answer is not None:
                return answer
            if monotonic_ns() >= deadline:
                raise still_running()
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
