"""Checks as v1 shows them: one schema per type, told apart by `type`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, RootModel, WithJsonSchema

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Country, Currency, Day, Id, Instant, View
from openvest.core.schema_people import Address, Link, Name, ProofOfResidence
from openvest.core.snapshots import Json, Snapshot, snapshot_of, snapshot_value
from openvest.core.vocabulary import INDUSTRIES
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.onboarding import service

Status = Literal["IN_PROGRESS", "PASSED", "FAILED"]
Type = Literal[
    "KYC", "POR", "INSTRUMENT_FIT", "COMPLIANCE", "GUARDIAN", "USER_SELF_ASSESSMENT", "US_WITHHOLDING_TAX_STATUS"
]


def _industry(value: str) -> str:
    if value not in INDUSTRIES:
        raise ValueError("is one of the listed industries")
    return value


Industry = Annotated[str, Field(json_schema_extra={"enum": [*INDUSTRIES]}), AfterValidator(_industry)]
Confirmed = Annotated[Instant, Field(description="When the evidence was last confirmed.")]
Proof = Annotated[Link, Field(description="Where the evidence can be fetched.")]


_DIGITS = 15
"""As many as every JSON reader keeps exactly, whichever type it has for numbers."""
_BEYOND, _LEAST = Decimal(10**_DIGITS), Decimal(1).scaleb(-_DIGITS)


def _number(value: Any) -> Any:
    if isinstance(value, str | bool) or value is None:
        raise ValueError("is a number")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("is a number") from None
    if not 0 <= number < _BEYOND:
        raise ValueError(f"is a number from zero to below {_BEYOND}")
    if number != 0 and (number < _LEAST or len(number.normalize().as_tuple().digits) > _DIGITS):
        raise ValueError(f"is a number of at most {_DIGITS} digits")
    return number


def _written(digits: str) -> Any:
    """A stored number as JSON has it. Why not as it stands: older versions took 1E+300, which is no 64-bit integer."""
    return json.loads(digits if len(digits) <= _DIGITS else f"{Decimal(digits):E}")


Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number", "minimum": 0})]


class Suitability(Body):
    """The outcome of the questions about knowledge and experience."""

    suitability: bool = Field(description="Whether the instruments suit the person.")


class Income(Body):
    """A range of yearly income."""

    currency: Currency = Field(description="ISO 4217 code.")
    lower_bound: Number = Field(description="The least of the range.")
    upper_bound: Number | None = Field(default=None, description="The most of the range; absent: open above.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        if body.upper_bound is not None and body.lower_bound is not None and body.upper_bound < body.lower_bound:
            yield FieldError("upper_bound", "is at least lower_bound")


class KycCreate(Body):
    """Proof of identity."""

    type: Literal["KYC"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    data_download_link: Proof
    document_type: Literal[
        "PASSPORT", "ID_CARD", "RESIDENCE_PERMIT", "DRIVING_LICENSE", "TWO_PLUS_TWO_VERIFICATION_PROOF"
    ] = Field(description="The document that was shown.")
    document_expiration_date: Day | None = Field(default=None, description="Last day the document is valid.")
    nationality: Country | None = Field(default=None, description="The country that issued the document.")
    provider: Name = Field(description="Who checked.")
    method: Literal[
        "VIDEO_ID", "IN_PERSON_ID", "ELECTRONIC_ID", "LIVENESS_PHOTO_ID",
        "QUALIFIED_ELECTRONIC_SIGNATURE_WITH_TX", "TWO_PLUS_TWO_VERIFICATION", "ID_COLLECTION",
    ] = Field(description="How it was checked.")  # fmt: skip
    confirmed_address: Address | None = Field(default=None, description="The address that the evidence confirms.")
    kyc_update: bool | None = Field(default=None, description="Whether this renews an earlier check.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        if body.document_type not in (None, "TWO_PLUS_TWO_VERIFICATION_PROOF"):
            for name in ("document_expiration_date", "nationality"):
                if getattr(body, name) is None:
                    yield FieldError(name, "is required for this document type")


class PorCreate(Body):
    """Proof of residence."""

    type: Literal["POR"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    issuance_date: Day = Field(description="When the document was issued.")
    data_download_link: Proof
    document_type: ProofOfResidence = Field(description="The document that was shown.")
    confirmed_address: Address = Field(description="The address that the document confirms.")


class InstrumentFitCreate(Body):
    """Appropriateness of the instruments for the person."""

    type: Literal["INSTRUMENT_FIT"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    instrument_suitability: Suitability = Field(description="What the questions gave.")


class GuardianCreate(Body):
    """Proof of guardianship; refused until accounts for children exist."""

    type: Literal["GUARDIAN"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    role_id: Id = Field(description="The role that is proved.")
    document_type: Literal["BIRTH_CERTIFICATE", "SOLE_CUSTODY_PROOF"] = Field(description="The document.")
    data_download_link: Proof


class SelfAssessmentCreate(Body):
    """What a person says of work and income."""

    type: Literal["USER_SELF_ASSESSMENT"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    user_occupation: Literal[
        "EMPLOYEE", "HOMEMAKER", "PENSIONER", "PUBLIC_OFFICIAL", "UNEMPLOYED", "SELF_EMPLOYED_FREELANCER", "STUDENT",
        "TRAINEE", "OTHER",
    ] = Field(description="Occupation.")  # fmt: skip
    user_industry: Industry = Field(description="Industry of the occupation.")
    yearly_gross_income: Income = Field(description="Income before tax in a year.")
    income_sources: Annotated[
        list[
            Literal[
                "EMPLOYMENT_INCOME", "CAPITAL_GAINS_SAVINGS_AND_INVESTMENTS", "INHERITANCE", "SELF_EMPLOYMENT",
                "REAL_ESTATE_SALE_RENTAL", "DONATIONS", "BUSINESS_ENTERPRISE_REVENUE",
                "GOVERNMENT_OR_SOCIAL_BENEFITS", "PENSION_RETIREMENT_FUNDS", "SOLE_TRADER", "OTHER", "NONE",
            ]
        ],
        Field(min_length=1),
    ] = Field(description="Where the income comes from.")  # fmt: skip


class UsWithholdingCreate(Body):
    """Status under the US withholding tax."""

    type: Literal["US_WITHHOLDING_TAX_STATUS"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    person_type: Literal["US_PERSON", "NON_RESIDENT_ALIEN"] = Field(description="Kind of person.")
    documentation_type: Literal["KYC", "W8-BEN", "W9", "UNDOCUMENTED"] = Field(description="What it rests on.")
    valid_from: Day = Field(description="First day of validity.")
    valid_to: Day | None = Field(default=None, description="Last day of validity.")
    data_download_link: Link | None = Field(default=None, description="Where the evidence can be fetched.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        if body.valid_to is not None and body.valid_from is not None and body.valid_to < body.valid_from:
            yield FieldError("valid_to", "is not before valid_from")


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
