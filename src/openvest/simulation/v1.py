"""A sandbox's clock and its scenarios over v1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openvest.core.snapshots import Json
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.operations import TESTS
from openvest.simulation import scenarios
from openvest.simulation.calls import (
    AdvanceCreate,
    AdvanceView,
    ClockView,
    ScenarioCreate,
    ScenarioView,
    advance_clock,
    create_scenario,
    delete_scenario,
    freeze_clock,
    get_clock,
    scenario_shown,
    thaw_clock,
)

ScenarioPage = page_of(ScenarioView, "scenarios")


class ScenarioQuery(PageQuery):
    """Which scenarios."""

    sort: Literal["created_at"] = Field(default="created_at", description="Field the list is ordered by.")


async def list_scenarios(unit: Unit, call: Call) -> Json:
    """List scenarios."""
    return page_v1(await scenarios.scenarios_page(unit, call.query.page_request), scenario_shown)


ENDPOINTS: list[Endpoint] = [
    TESTS.reads("/tests/clock", answer=ClockView, direct=get_clock),
    TESTS.acts("/tests/clock/freeze", answer=ClockView, direct=freeze_clock, errors=(409, 422)),
    TESTS.acts("/tests/clock/thaw", answer=ClockView, direct=thaw_clock, errors=(409, 422)),
    TESTS.acts("/tests/clock/advance", answer=AdvanceView, direct=advance_clock, body=AdvanceCreate, errors=(202, 422)),
    TESTS.creates(
        "/tests/scenarios", create_scenario, ScenarioView, body=ScenarioCreate, status=201, key_required=False
    ),
    TESTS.lists("/tests/scenarios", list_scenarios, ScenarioPage, query=ScenarioQuery),
    TESTS.deletes("/tests/scenarios/{scenario_id}", delete_scenario),
]
