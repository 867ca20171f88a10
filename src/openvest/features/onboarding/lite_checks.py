"""Checks as lite shows them: what came of them, not the evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from openvest.core.lite import list_of
from openvest.core.lite_people import Address, address_of
from openvest.core.naming import Names
from openvest.core.schema import Id, Instant, View
from openvest.core.schema_evidence import (
    InstrumentFitCreate,
    KycEvidence,
    PorEvidence,
    SelfAssessmentCreate,
    UsWithholdingCreate,
)
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of, snapshot_value
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.onboarding import service
from openvest.features.onboarding.model import Check, CheckStatus, CheckType

Status = Literal["PENDING", "PASSED", "FAILED"]
STATUS: Names[CheckStatus, Status] = Names(
    CheckStatus, Status, {"IN_PROGRESS": "PENDING", "PASSED": "PASSED", "FAILED": "FAILED"}
)


class KycCreate(KycEvidence):
    """Proof of identity."""

    confirmed_address: Address | None = Field(default=None, description="The address that the evidence confirms.")


class PorCreate(PorEvidence):
    """Proof of residence."""

    confirmed_address: Address = Field(description="The address that the document confirms.")


_New = KycCreate | PorCreate | InstrumentFitCreate | SelfAssessmentCreate | UsWithholdingCreate


class UserCheckCreate(RootModel[Annotated[_New, Field(discriminator="type")]]):
    """A new check of one of the types a client can create."""


class UserCheckView(View):
    """A check of a user."""

    id: Id = Field(description="Id of the check.")
    type: CheckType = Field(description="What is checked; COMPLIANCE is our own screening, which starts by itself.")
    status: Status = Field(description="What came of it.")
    created_at: Instant = Field(description="When it was made.")
    completed_at: Instant | None = Field(default=None, description="When it was decided last.")


UserCheckList = list_of(UserCheckView, "checks of the user, oldest first")


def _completed_at(check: Snapshot) -> str | None:
    return None if check["status"] == "IN_PROGRESS" else check["updated_at"]


check_lite = shown(UserCheckView, Check, status=lambda check: STATUS[check["status"]], completed_at=_completed_at)


async def list_user_checks(unit: Unit, call: Call) -> Json:
    """List the checks of a user."""
    checks = await service.list_checks(unit, call.path["user_id"], history=True, kind=None)
    return {"data": [check_lite(snapshot_of(check)) for check in checks]}


async def create_user_check(unit: Unit, call: Call) -> Json:
    """Submit a check of a user."""
    body = call.body.root
    details = snapshot_value(body.model_dump(exclude_none=True, exclude={"type", "check_confirmed_at"}))
    if "confirmed_address" in details:
        details["confirmed_address"] = address_of(body.confirmed_address)
    check = await service.create_check(unit, call.path["user_id"], body.type, body.check_confirmed_at, details)
    return check_lite(snapshot_of(check))


async def pass_user_check(unit: Unit, call: Call) -> Json:
    """Let a check pass."""
    return check_lite(snapshot_of(await service.pass_check(unit, **call.path)))


async def fail_user_check(unit: Unit, call: Call) -> Json:
    """Let a check fail."""
    return check_lite(snapshot_of(await service.fail_check(unit, **call.path)))
