"""What tests know of the clock and the scenarios of a sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.simulation import scenarios
from tests.kit.sample import Ask, Asked, Life, Sample

_NO_KEY = "the contract lists no key, and a second request meets what the first one left"
_TO_COME = "for objects to come, of this tenant alone"


async def _a_scenario(life: Life) -> Mapping[str, str]:
    body = {"name": "data_change_fails", "on": {"user_id": life.ids["user_id"]}}
    scenario = await life.post("/tests/scenarios", body)
    return {"scenario_id": scenario["id"]}


async def _some_that_are_met(life: Life) -> None:
    for name in ("check_fails", "data_change_pending"):
        await life.post("/tests/scenarios", {"name": name, "on": {"user_id": life.ids["user_id"]}, "times": 1})


async def _many(life: Life, count: int) -> None:
    async def scenario(unit: Unit, number: int) -> None:
        await scenarios.lay(unit, "order_rejected", 1, client_reference=f"nobody {number}")

    await life.write_many(scenario, count)


async def _scenarios(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({}).also(on={"client_reference": f"nobody {n}"}) for n in range(count)]


async def _scenarios_to_remove(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    async def lay(unit: Unit) -> str:
        return str((await scenarios.lay(unit, "order_rejected", 1, client_reference="nobody")).id)

    return [ask({"scenario_id": await database.write(tenant_id, lay)}) for _ in range(count)]


SAMPLE = Sample(
    bodies={
        "POST /tests/clock/advance": {"by": "PT0S"},
        "POST /tests/scenarios": {"name": "order_rejected", "on": {"client_reference": "a reference of nobody"}},
    },
    makers={
        "lite POST /tests/scenarios": _scenarios,
        "lite DELETE /tests/scenarios/{scenario_id}": _scenarios_to_remove,
    },
    objects=_a_scenario,
    lived=_some_that_are_met,
    many=_many,
    references={"client_reference": "client_reference"},
    texts=frozenset({"next_open"}),
    no_names=frozenset({"client_reference"}),
    variants={
        "POST /tests/scenarios body on.account_id": {"on": {}},
        "POST /tests/scenarios body on.user_id": {"on": {}},
    },
    takes_any={
        "POST /tests/scenarios body on.account_id": _TO_COME,
        "POST /tests/scenarios body on.user_id": _TO_COME,
    },
    unkeyed={
        "POST /tests/clock/freeze": _NO_KEY,
        "POST /tests/clock/thaw": _NO_KEY,
        "POST /tests/clock/advance": "moves on by as much as is asked each time; sandboxes only",
        "POST /tests/scenarios": "a scenario more is seen in the list and can be removed; sandboxes only",
    },
    no_rows={"scenario_uses": "made where a scenario takes effect; no operation shows one"},
    refused_changes=("scenarios used = times + 1",),
)
