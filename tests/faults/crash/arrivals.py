"""What a receiver heard, against the log: every event once, in packages that follow each other without a gap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

from openvest import catalog
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from tests.faults.crash.left import what_is_left
from tests.kit.receiver import Delivery

WAIT_SECONDS = 60
_SHOWN = list(catalog.TOLD["v1"])
_WAITING = Query(
    int,
    "select (select count(*) from webhook_packages where tenant_id = $1)"
    " + (select count(*) from webhooks w join event_counters c using (tenant_id)"
    " where w.tenant_id = $1 and w.enabled and w.cursor_sequence < c.last)"
    " + (select count(*) from event_sets where tenant_id = $1 and first_number is null)",
)
_NUMBERED = Query(
    str,
    "select e.id::text from event_sets s join events e on e.tenant_id = s.tenant_id and e.set_id = s.id"
    " where s.tenant_id = $1 and s.first_number + e.n - 1 > $2 and e.type = any($3) order by s.first_number + e.n",
)
LAST = Query(int, "select coalesce((select last from event_counters where tenant_id = $1), 0)")


async def wait_for_arrival(database: Database, tenant_id: UUID) -> None:
    """Until nothing waits for a subscription of this tenant. Raises: TimeoutError, which tells what waits for whom."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while await database.read(tenant_id, lambda unit: unit.one(_WAITING, tenant_id)):
                await asyncio.sleep(0.1)
    except TimeoutError:
        left = await what_is_left(database, tenant_id)
        raise TimeoutError(f"news has not arrived after {WAIT_SECONDS} s:\n{left}") from None


async def arrival_findings(
    deliveries: Sequence[Delivery], database: Database, tenant_id: UUID, since: int
) -> list[str]:
    """What is wrong with what one subscription to everything heard of the events numbered above `since`."""

    async def expected(unit: Unit) -> list[str]:
        return await unit.rows(_NUMBERED, tenant_id, since, _SHOWN)

    packages: dict[tuple[int, int, int], bytes] = {}
    found: list[str] = []
    for delivery in deliveries:
        if packages.setdefault(delivery.sequence, delivery.body) != delivery.body:
            found.append(f"package {delivery.sequence} was sent again with other bytes")
    last: int | None = None
    for first, end, previous in packages:
        if previous >= first or (last is not None and previous != last):
            found.append(f"package {first}-{end} says that it follows {previous}, and follows {last}")
        last = end
    heard = [str(event["id"]) for body in packages.values() for event in json.loads(body)["payload"]]
    asked = await database.read(tenant_id, expected)
    if missing := set(asked) - set(heard):
        found.append(f"{len(missing)} of {len(asked)} events never arrived, such as {min(missing)}")
    if len(heard) != len(set(heard)):
        found.append(f"{len(heard) - len(set(heard))} events stand in two packages")
    return found
