"""What is told of an object is what it is: each change of state has its event, in its version (`told`).

A life is lived; then every row of every lifecycle is held against the events of its object. That the last one says its
state is the law behind every test; here it also says its version, and no version in between was left untold.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from openvest import catalog
from openvest.catalog import LIFECYCLES
from openvest.core.lifecycle import Lifecycle
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.matrix_fields import MONDAY
from tests.gates.matrix_ground import floor
from tests.kit.lifecycles import untold_anywhere
from tests.kit.operations import live_by_http
from tests.kit.samples import every
from tests.security.tenant_life import live

UNTOLD = every(lambda sample: sample.untold)
_TOLD = """
select r.id, r.{column} as state, to_jsonb(r)->>'version' as version, e.versions, e.last
  from {table} r left join (
    select object_id, count(distinct object_version) as versions, max(object_version) as last
      from events where tenant_id = $1 group by object_id) e on e.object_id = r.id
 where r.tenant_id = $1
"""


async def _untold(eye: asyncpg.Connection, life: Lifecycle, tenant_id: UUID, met: Counter[str]) -> list[str]:
    """What is wrong with what was told of one life's objects; notes the states that were met."""
    table, _, column = life.table.partition(".")
    found: list[str] = []
    for row in await eye.fetch(_TOLD.format(table=table, column=column), tenant_id):
        what = f"a {life.noun} that is {row['state']}"
        met[f"{life.table} {row['state']}"] += 1
        if row["last"] is None:
            why = f"say in SAMPLE.untold of its feature why {life.table} has no event"
            found.append(f"{what}: nothing is told of it; emit an event with every change, or {why}")
        elif str(row["last"]) != row["version"]:
            found.append(f"{what}: is told of as version {row['last']} and has version {row['version']}")
        elif row["versions"] != row["last"]:
            found.append(f"{what}: of {row['last']} versions {row['versions']} were told")
    return found


async def told(run: Run) -> Verdict:
    """Two lives, one of which removes everything at its end."""
    lives = [life for life in LIFECYCLES if life.table not in UNTOLD]
    findings = [f"{name}: is no column of a lifecycle" for name in set(UNTOLD) - {life.table for life in LIFECYCLES}]
    met: Counter[str] = Counter()
    async with floor() as stood:
        ended, going = await stood.tenant("Ended", frozen_at=MONDAY), await stood.tenant("Going", pace="instant")
        await live(stood.world, ended, stood.app, _nobody_listens)
        await live_by_http(stood.world, await stood.client(going), going)
        async with stood.superuser() as eye:
            for life in lives:
                for tenant_id in (ended, going):
                    findings += await _untold(eye, life, tenant_id, met)
            findings += await untold_anywhere(stood.world.database)
            types: set[str] = {row[0] for row in await eye.fetch("select distinct type from events")}
    findings += [f"no {life.noun} was met" for life in lives if not any(name.startswith(life.table) for name in met)]
    known = {event.type for event in catalog.EVENTS}
    findings += [f"{one}: is told, and the catalog has no such event" for one in sorted(types - known)]
    return Verdict(
        f"{met.total()} objects of {len(lives)} lives in {len(met)} states, each as it was told last;"
        f" {len(types)} of {len(known)} types of events; {len(findings)} findings",
        sorted(set(findings)),
    )


async def _nobody_listens(_: httpx.Response) -> Any:
    """The answers are of no interest here."""


GATES = (Gate("told", "what is told of an object is what it is", told, quick=True),)
