"""Coalesced reads: requests for one kind of object of one tenant that arrive together share a unit of work.

Opening and closing a unit costs three times what reading one row does. A GET that declares a batch verb reads all
wanted objects with one statement; any other GET of an object by its id runs its verb for one call after the other.
Lists do not come here: a long one would keep others waiting. An answer is of one instant, also where several
statements make it: an order and its executions are never of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.core.problems import Problem
from openvest.db.faults import is_passing
from openvest.db.unit import Database, Unit
from openvest.declarations import BatchVerb, Call, Endpoint, Verb
from openvest.server.encoding import encode
from openvest.server.messages import HttpResponse
from openvest.server.queues import Batcher, Waiting
from openvest.server.settings import ServerSettings

_Key = tuple[UUID, int]
_Item = Waiting[Call, HttpResponse]


def coalesces(endpoint: Endpoint) -> bool:
    """Whether this read shares units of work."""
    return endpoint.batch is not None or ("{" in endpoint.path and endpoint.query is None)


class Reads:
    """The queues of all endpoints whose reads are coalesced."""

    def __init__(self, database: Database, settings: ServerSettings) -> None:
        self._database = database
        self._endpoints: dict[int, Endpoint] = {}
        self._batcher: Batcher[_Key, Call, HttpResponse] = Batcher(self._run, settings.read_runners, settings.read_size)

    async def submit(self, endpoint: Endpoint, call: Call) -> HttpResponse:
        """Raises: Problem, DatabaseDown."""
        self._endpoints[id(endpoint)] = endpoint
        return await self._batcher.submit((call.caller.tenant_id, id(endpoint)), call)

    async def drained(self) -> None:
        await self._batcher.drained()

    async def _run(self, key: _Key, waiting: Sequence[_Item]) -> None:
        tenant_id, number = key
        endpoint = self._endpoints[number]

        async def read(unit: Unit) -> None:
            if endpoint.batch is not None:
                await _at_once(unit, endpoint, endpoint.batch, waiting)
            elif endpoint.verb is not None:
                await _in_turn(unit, endpoint, endpoint.verb, waiting)

        try:
            await self._database.read(tenant_id, read, one_snapshot=True)
        except Exception as error:
            # Where the database is at fault all hear so: one by one they would only wait for it in turn.
            if is_passing(error):
                raise
            left = [one for one in waiting if not one.future.done()]
            if len(waiting) == 1:
                waiting[0].fail(error)
            else:
                for one in left:
                    await self._run(key, [one])


async def _at_once(unit: Unit, endpoint: Endpoint, verb: BatchVerb, waiting: Sequence[_Item]) -> None:
    results = await verb(unit, [one.item for one in waiting])
    for one, result in zip(waiting, results, strict=True):
        if isinstance(result, Exception):
            one.fail(result)
        else:
            one.succeed(encode(endpoint, result))


async def _in_turn(unit: Unit, endpoint: Endpoint, verb: Verb, waiting: Sequence[_Item]) -> None:
    """Each hears its answer at once: a read has nothing to commit."""
    for one in waiting:
        try:
            one.succeed(encode(endpoint, await verb(unit, one.item)))
        except Problem as problem:
            one.fail(problem)
