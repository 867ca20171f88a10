"""Checks as v1 shows them: one schema per type, told apart by `type`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from openvest.core.schema import Body, Id, View
from openvest.core.schema_evidence import (
    DIGITS,
    Confirmed,
    InstrumentFitCreate,
    KycEvidence,
    PorEvidence,
    Proof,
    SelfAssessmentCreate,
    UsWithholdingCreate,
)
from openvest.core.schema_people import Address
from openvest.core.snapshots import Json, Snapshot, snapshot_of, snapshot_value
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.onboarding import service

Status = Literal["IN_PROGRESS", "PASSED", "FAILED"]
Type = Literal[
    "KYC", "POR", "INSTRUMENT_FIT", "COMPLIANCE", "GUARDIAN", "USER_SELF_ASSESSMENT", "US_WITHHOLDING_TAX_STATUS"
]


def _written(digits: str) -> Any:
    """A stored number as JSON has it. Why not as it stands: older versions took 1E+300, which is no 64-bit integer."""
    return json.loads(digits if len(digits) <= DIGITS else f"{Decimal(digits):E}")


class KycCreate(KycEvidence):
    """Proof of identity."""

    confirmed_address: Address | None = Field(default=None, description="The address that the evidence confirms.")


class PorCreate(PorEvidence):
    """Proof of residence."""

    confirmed_address: Address = Field(description="The address that the document confirms.")


class GuardianCreate(Body):
    """Proof of guardianship; refused until accounts for children exist."""

    type: Literal["GUARDIAN"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    role_id: Id = Field(description="The role that is proved.")
    document_type: Literal["BIRTH_CERTIFICATE", "SOLE_CUSTODY_PROOF"] = Field(description="The document.")
    data_download_link: Proof


_New = KycCreate | PorCreate | InstrumentFitCreate | GuardianCreate | SelfAssessmentCreate | UsWithholdingCreate


class CheckCreate(RootModel[Annotated[_New, Field(discriminator="type")]]):
    """A new check of one of the types a client can create."""


class _CheckView(Body):
    id: Id = Field(description="Id of the check.")
    user_id: Id = Field(description="The user it is about.")
    status: Status = Field(description="State of the check.")


class KycView(_CheckView, KycCreate):
    """A proof of identity."""


class PorView(_CheckView, PorCreate):
    """A proof of residence."""


class InstrumentFitView(_CheckView, InstrumentFitCreate):
    """An appropriateness check."""


class SelfAssessmentView(_CheckView, SelfAssessmentCreate):
    """A self-assessment."""


class UsWithholdingView(_CheckView, UsWithholdingCreate):
    """A status under the US withholding tax."""


class ComplianceView(_CheckView):
    """Our own screening, which starts by itself."""

    type: Literal["COMPLIANCE"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed


_Any = KycView | PorView | InstrumentFitView | SelfAssessmentView | UsWithholdingView | ComplianceView


class CheckView(RootModel[Annotated[_Any, Field(discriminator="type")]]):
    """A check with its state."""


class CheckListView(View):
    """The checks of a user."""

    data: list[CheckView] = Field(description="The checks, oldest first.")


class CheckAcceptedView(View):
    """A check that was taken."""

    id: Id = Field(description="Id of the check.")


class CheckQuery(Body):
    """Parameters of the list of checks."""

    list_history: Annotated[bool, Field(strict=False)] = Field(
        default=False, description="All checks; otherwise the newest of each type."
    )
    type: Type | None = Field(default=None, description="Only checks of this type.")


def check_v1(check: Snapshot) -> Json:
    """A check: what all have, then what its type has."""
    details: dict[str, Any] = dict(check["details"])
    income = details.get("yearly_gross_income")
    if income is not None:  # the contract has these as JSON numbers; kept as digits, so nothing is lost inside
        details["yearly_gross_income"] = {
            name: value if name == "currency" else _written(value) for name, value in income.items()
        }
    return {**{name: check[name] for name in ("id", "user_id", "type", "check_confirmed_at", "status")}, **details}


async def list_user_checks(unit: Unit, call: Call) -> Json:
    """List the checks of a user."""
    query: CheckQuery = call.query
    checks = await service.list_checks(unit, call.path["user_id"], history=query.list_history, kind=query.type)
    return {"data": [check_v1(snapshot_of(check)) for check in checks]}


async def create_user_check(unit: Unit, call: Call) -> Json:
    """Create a check."""
    body = call.body.root
    details = snapshot_value(body.model_dump(exclude_none=True, exclude={"type", "check_confirmed_at"}))
    check = await service.create_check(unit, call.path["user_id"], body.type, body.check_confirmed_at, details)
    return {"id": str(check.id)}


async def retrieve_user_check(unit: Unit, call: Call) -> Json:
    """Get a check."""
    return check_v1(snapshot_of(await service.get_check(unit, **call.path)))


async def pass_user_check(unit: Unit, call: Call) -> Json:
    """Let a check pass."""
    return check_v1(snapshot_of(await service.pass_check(unit, **call.path)))


async def fail_user_check(unit: Unit, call: Call) -> Json:
    """Let a check fail."""
    return check_v1(snapshot_of(await service.fail_check(unit, **call.path)))
