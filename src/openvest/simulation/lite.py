"""A sandbox's clock and its scenarios over lite, whose reference does not have them."""

from __future__ import annotations

from openvest.core.lite import PageQuery, page_lite, page_of
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.operations import TESTS_LITE
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


async def list_scenarios(unit: Unit, call: Call) -> Json:
    """List scenarios."""
    return page_lite(await scenarios.scenarios_page(unit, call.query.page_request), scenario_shown)


ENDPOINTS: list[Endpoint] = [
    TESTS_LITE.reads("/tests/clock", answer=ClockView, direct=get_clock),
    TESTS_LITE.acts("/tests/clock/freeze", answer=ClockView, direct=freeze_clock, errors=(409, 422)),
    TESTS_LITE.acts("/tests/clock/thaw", answer=ClockView, direct=thaw_clock, errors=(409, 422)),
    TESTS_LITE.acts(
        "/tests/clock/advance", answer=AdvanceView, direct=advance_clock, body=AdvanceCreate, errors=(202, 422)
    ),
    TESTS_LITE.creates("/tests/scenarios", create_scenario, ScenarioView, body=ScenarioCreate),
    TESTS_LITE.lists("/tests/scenarios", list_scenarios, ScenarioPage, query=PageQuery),
    TESTS_LITE.deletes("/tests/scenarios/{scenario_id}", delete_scenario),
]
