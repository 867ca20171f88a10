"""Lists of one tenant, one behind the other: whoever's turn it is answers those that wait behind it, too.

Opening and closing a unit of work costs more than a page of twenty rows. A page waits for those before it in any case,
so it loses nothing where all of them are read in one unit: each is of one instant, which is later than its request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from openvest.core.problems import Problem
from openvest.db.faults import TooBusy, is_passing
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint, Verb
from openvest.server.encoding import encode
from openvest.server.lanes import Lanes
from openvest.server.messages import HttpResponse
from openvest.server.queues import Waiting

_Item = Waiting[tuple[Endpoint, Call], HttpResponse]


@dataclass(frozen=True, slots=True)
class Lists:
    """Reads lists, at most `size` of them in a unit of work."""

    database: Database
    lanes: Lanes
    size: int
    _waiting: dict[UUID, list[_Item]] = field(default_factory=dict[UUID, list[_Item]])

    async def run(self, endpoint: Endpoint, call: Call) -> HttpResponse:
        """Raises: Problem, DatabaseDown, TooBusy."""
        tenant_id = call.caller.tenant_id
        mine = _Item((endpoint, call), asyncio.get_running_loop().create_future())
        waiting = self._waiting.setdefault(tenant_id, [])
        waiting.append(mine)
        try:
            async with self.lanes.of(tenant_id):
                if not mine.future.done():
                    others = [one for one in waiting if one is not mine and not one.future.done()]
                    await self._answer(tenant_id, [mine, *others[: self.size - 1]])
        except TooBusy:
            if not mine.future.done():
                raise
        finally:
            waiting.remove(mine)
            if not waiting:
                self._waiting.pop(tenant_id, None)
        return mine.future.result()

    async def _answer(self, tenant_id: UUID, items: Sequence[_Item]) -> None:
        async def read(unit: Unit) -> None:
            for one in items:
                endpoint, call = one.item
                try:
                    one.succeed(encode(endpoint, await cast(Verb, endpoint.verb)(unit, call)))
                except Problem as problem:
                    one.fail(problem)

        try:
            await self.database.read(tenant_id, read, one_snapshot=True)
        except Exception as error:
            mine, *others = items
            if is_passing(error):  # where the database is at fault all hear so: in turn they would only wait for it
                for one in items:
                    one.fail(error)
            elif not mine.future.done() and others:
                await self._answer(tenant_id, [mine])
            else:
                mine.fail(error)  # the others have their own turns
