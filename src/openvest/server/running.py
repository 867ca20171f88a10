"""Run an endpoint: a read in a unit that reads, a write in a unit that writes, a keyed write with its answer stored.

The transaction is committed before the answer leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from openvest.core.clock import monotonic_ns
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint, Verb
from openvest.server.encoding import encode
from openvest.server.flush import Flush, FlushItem
from openvest.server.idempotency import Keyed
from openvest.server.keyed_writes import KeyedWrites
from openvest.server.lanes import Lanes
from openvest.server.lists import Lists
from openvest.server.messages import HttpResponse
from openvest.server.nonces import Claim
from openvest.server.reads import Reads, coalesces
from openvest.server.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Runner:
    """Every way in which an endpoint can run."""

    database: Database
    settings: ServerSettings
    flush: Flush
    reads: Reads
    keyed_writes: KeyedWrites
    lists: Lists
    writes: Lanes
    services: Any = None
    """What direct endpoints are handed: the parts of this process, as the composition root assembled them."""

    async def run(self, endpoint: Endpoint, call: Call, keyed: Keyed | None, claim: Claim) -> HttpResponse:
        """A flush admits the `claim`. Raises: Problem, DatabaseDown, and of a flush SignatureRefused and Stale."""
        if endpoint.direct is not None:
            return encode(endpoint, await endpoint.direct(self.services, call))
        if endpoint.is_write:
            if endpoint.batch is not None:
                return await self.flush.submit(endpoint, FlushItem(call, keyed, self._deadline(), claim))
            if keyed is not None:
                return await self.keyed_writes.run(endpoint, call, keyed)
            async with self.writes.of(call.caller.tenant_id):
                return await self._write(endpoint, call)
        if coalesces(endpoint):
            return await self.reads.submit(endpoint, call)
        return await self.lists.run(endpoint, call)

    async def _write(self, endpoint: Endpoint, call: Call) -> HttpResponse:
        verb = cast(Verb, endpoint.verb)

        async def write(unit: Unit) -> HttpResponse:
            return encode(endpoint, await verb(unit, replace(call, cause=unit.ids.cause)))

        n = 1 if endpoint.advances_clock else 0
        return await self.database.write(call.caller.tenant_id, write, n=n, of_closed=endpoint.form)

    def _deadline(self) -> int:
        return monotonic_ns() + int(self.settings.key_wait_seconds * 1_000_000_000)
