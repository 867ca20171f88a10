"""Coalesced reads: requests for one endpoint of one tenant that arrive together are answered by one batch verb.

Only a GET that declares a batch verb comes here; its verb reads all wanted objects with one statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from openvest.core.declarations import BatchVerb, Call, Endpoint
from openvest.db.unit import Database, DatabaseDown, Unit
from openvest.server.encoding import encode
from openvest.server.messages import Answer
from openvest.server.queues import Batcher, Waiting
from openvest.server.settings import ServerSettings

_Key = tuple[UUID, int]


class Reads:
    """The queues of all endpoints that have a batch verb and read."""

    def __init__(self, database: Database, settings: ServerSettings) -> None:
        self._database = database
        self._endpoints: dict[int, Endpoint] = {}
        self._batcher: Batcher[_Key, Call, Answer] = Batcher(self._run, settings.read_runners, settings.read_size)

    async def submit(self, endpoint: Endpoint, call: Call) -> Answer:
        """Raises: Problem, DatabaseDown."""
        self._endpoints[id(endpoint)] = endpoint
        return await self._batcher.submit((call.caller.tenant_id, id(endpoint)), call)

    async def drained(self) -> None:
        await self._batcher.drained()

    async def _run(self, key: _Key, waiting: Sequence[Waiting[Call, Answer]]) -> None:
        tenant_id, number = key
        endpoint = self._endpoints[number]
        verb = cast(BatchVerb, endpoint.batch)
        calls = [one.item for one in waiting]

        async def read(unit: Unit) -> list[Answer | Exception]:
            results = await verb(unit, calls)
            return [r if isinstance(r, Exception) else encode(endpoint, r) for r in results]

        try:
            answers = await self._database.read(tenant_id, read)
        except DatabaseDown:
            raise
        except Exception as error:
            if len(waiting) == 1:
                waiting[0].fail(error)
                return
            for one in waiting:
                await self._run(key, [one])
            return
        for one, answer in zip(waiting, answers, strict=True):
            if isinstance(answer, Exception):
                one.fail(answer)
            else:
                one.succeed(answer)
