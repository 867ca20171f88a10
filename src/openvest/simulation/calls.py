"""A sandbox's clock and its scenarios, for whoever may move time, as both contracts take and show them.

A call of the clock is no unit of work: an advance is many units, other requests in between. So these endpoints are
handed the clockwork itself.

Source: DOMAIN.md section 2 "Advance", section 7 "Scenarios".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, WithJsonSchema

from openvest.core.clock import instant
from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, Unused, View, exactly_one
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.trading_calendar import session_after
from openvest.db.unit import Unit
from openvest.declarations import Call, Response
from openvest.simulation import scenarios
from openvest.simulation.durations import Duration, parse_duration
from openvest.simulation.scenarios import KINDS, Scenario
from openvest.work.clockwork import ClockBeyond, ClockRow, ClockState, Clockwork

WAIT_S = 30
"""How long an advance is waited for. Units: seconds of wire time."""


class ClockServices(Protocol):
    """What an endpoint of the clock is handed: the composition root's parts of one process."""

    @property
    def clockwork(self) -> Clockwork: ...


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("is a string")
    return parse_duration(value)


DurationText = Annotated[
    Duration, BeforeValidator(_duration), WithJsonSchema({"type": "string", "format": "duration", "pattern": "^-?P"})
]


# The clock


class AdvanceCreate(Body):
    """Where the clock is to go; exactly one of the three."""

    by: DurationText | None = Field(
        default=None, description="ISO 8601 duration, counted from where the clock was last sent: P30D, P1M, PT90S."
    )
    to: Instant | None = Field(default=None, description="The instant itself.")
    next_open: Annotated[str, Field(pattern="^[A-Z0-9]{4}$")] | None = Field(
        default=None, description="MIC of a venue: its next opening after the present instant."
    )

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        return exactly_one(body, unfit, ("by", "to", "next_open"))


class ClockView(View):
    """A sandbox's business time."""

    now: Instant = Field(description="The instant the clock shows.")
    mode: Literal["live", "frozen", "wall"] = Field(description="live runs, frozen stands still, wall cannot be moved.")
    target: Instant | None = Field(description="Where an advance under way leads; null where there is none.")
    done: bool = Field(description="Whether no advance is under way.")


class AdvanceView(View):
    """How far an advance came. One still under way after 30 seconds says only the first three."""

    now: Instant = Field(description="The instant the clock shows.")
    target: Instant = Field(description="Where the advance leads.")
    done: bool = Field(description="Whether it arrived; if not, it goes on and the clock shows how far it is.")
    mode: Literal["live", "frozen"] | None = Field(default=None, description="live runs, frozen stands still.")
    handled: int | None = Field(default=None, description="Rows of work that were done on the way.")
    steps: int | None = Field(default=None, description="Instants at which the clock stopped for work that was due.")


def _clock_shown(state: ClockState) -> Json:
    target = None if state.target is None else instant(state.target)
    return {"now": instant(state.now), "mode": state.mode, "target": target, "done": state.done}


async def get_clock(services: ClockServices, call: Call) -> Json:
    """Read the sandbox's clock."""
    return _clock_shown(await services.clockwork.show(call.caller.tenant_id))


async def freeze_clock(services: ClockServices, call: Call) -> Json:
    """Let the clock stand still."""
    return _clock_shown(await services.clockwork.freeze(call.caller.tenant_id))


async def thaw_clock(services: ClockServices, call: Call) -> Json:
    """Let the clock run on."""
    return _clock_shown(await services.clockwork.thaw(call.caller.tenant_id))


async def advance_clock(services: ClockServices, call: Call) -> Json | Response:
    """Move the clock forward and do all that falls due on the way."""
    tenant_id = call.caller.tenant_id
    target = await services.clockwork.set_target(tenant_id, aim(call.body))
    state = await services.clockwork.advance(tenant_id, to=target, wait_s=WAIT_S)
    now, led = instant(state.now), instant(target)
    # Where somebody has asked for a later instant meanwhile, this one may be reached and the clock still under way.
    if not state.done and state.now < target:
        return Response({"now": now, "target": led, "done": False}, status=202)
    return {
        "now": now,
        "mode": state.mode,
        "target": led,
        "done": True,
        "handled": state.handled,
        "steps": state.steps,
    }


def aim(asked: AdvanceCreate) -> Callable[[ClockRow], datetime]:
    """How the target follows from the clock as it stands. Raises, when called: ClockBeyond, UnknownVenue."""

    def choose(row: ClockRow) -> datetime:
        if asked.to is not None:
            return asked.to
        if asked.by is not None:
            return _later(row, asked.by)
        return session_after(asked.next_open or "", max(row.now, row.advance_to or row.now)).opens_at

    return choose


def _later(row: ClockRow, by: Duration) -> datetime:
    # A frozen clock has ticked since it arrived; days in a row are as long as all of them at once only when each is
    # counted from where the one before was to end.
    start = row.advance_to or (row.base if row.mode == "frozen" else row.now)
    try:
        return by.after(start)
    except OverflowError:
        raise ClockBeyond("The trading calendars end in 2040; give an earlier instant.") from None


# Scenarios

Reference = Annotated[str, Field(min_length=1, max_length=100)]


class ScenarioPlaceCreate(Body):
    """Whose next objects a scenario is for; exactly one of the three."""

    account_id: Annotated[Id | None, Unused] = Field(default=None, description="Orders of this account.")
    user_id: Annotated[Id | None, Unused] = Field(
        default=None, description="Orders, checks, changes or payments of this user."
    )
    client_reference: Annotated[Reference | None, Unused] = Field(
        default=None, description="Orders that carry this reference, or the payment that has this id."
    )

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        return exactly_one(body, unfit, ("account_id", "user_id", "client_reference"))


class ScenarioCreate(Body):
    """A scenario for the next objects that fit."""

    name: scenarios.Name = Field(description="What is to happen.")
    on: ScenarioPlaceCreate = Field(description="To whose objects it is to happen.")
    times: Annotated[int, Field(ge=1, le=1_000_000)] = Field(default=1, description="To how many of them.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        if body.name is None or body.on is None or KINDS[body.name] == "order":
            return
        if KINDS[body.name] in ("check", "data_change"):
            if body.on.user_id is None:
                yield FieldError("on.user_id", "is required, since checks and data changes belong to users alone")
        elif body.on.account_id is not None:
            yield FieldError("on.account_id", "is none of a payment, which belongs to an account group")


class ScenarioPlaceView(View):
    """Whose objects a scenario is for; two of the three are null."""

    account_id: Id | None = Field(description="Orders of this account.")
    user_id: Id | None = Field(description="Orders, checks, changes or payments of this user.")
    client_reference: str | None = Field(description="Orders that carry this reference, or the payment of this id.")


class ScenarioView(View):
    """A scenario and how much of it is used up."""

    id: Id = Field(description="Id of the scenario.")
    created_at: Instant = Field(description="When it was laid; objects that went out before are not touched.")
    name: scenarios.Name = Field(description="What happens.")
    on: ScenarioPlaceView = Field(description="To whose objects it happens.")
    times: int = Field(description="To how many of them.")
    used: int = Field(description="To how many of them it happened.")
    removed_at: Instant | None = Field(description="When it was removed; null while it is not.")


_PLACES = ("account_id", "user_id", "client_reference")
scenario_shown = shown(ScenarioView, Scenario, on=lambda laid: {name: laid[name] for name in _PLACES})


async def create_scenario(unit: Unit, call: Call) -> Json:
    """Say what happens to the next order, check, data change or payment."""
    asked: ScenarioCreate = call.body
    laid = await scenarios.lay(unit, asked.name, asked.times, **dict(asked.on))
    return scenario_shown(snapshot_of(laid))


async def delete_scenario(unit: Unit, call: Call) -> None:
    """Remove a scenario."""
    await scenarios.remove(unit, call.path["scenario_id"])
