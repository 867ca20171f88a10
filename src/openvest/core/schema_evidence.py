"""What checks of each type consist of, whichever contract they come by. An address is written as each has it.

Source: reference (users).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Country, Currency, Day, Instant
from openvest.core.schema_people import Link, Name, ProofOfResidence
from openvest.core.vocabulary import INDUSTRIES


def _industry(value: str) -> str:
    if value not in INDUSTRIES:
        raise ValueError("is one of the listed industries")
    return value


Industry = Annotated[str, Field(json_schema_extra={"enum": [*INDUSTRIES]}), AfterValidator(_industry)]
Confirmed = Annotated[Instant, Field(description="When the evidence was last confirmed.")]
Proof = Annotated[Link, Field(description="Where the evidence can be fetched.")]


DIGITS = 15
"""As many as every JSON reader keeps exactly, whichever type it has for numbers."""
_BEYOND, _LEAST = Decimal(10**DIGITS), Decimal(1).scaleb(-DIGITS)


def _number(value: Any) -> Any:
    if isinstance(value, str | bool) or value is None:
        raise ValueError("is a number")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("is a number") from None
    if not 0 <= number < _BEYOND:
        raise ValueError(f"is a number from zero to below {_BEYOND}")
    if number != 0 and (number < _LEAST or len(number.normalize().as_tuple().digits) > DIGITS):
        raise ValueError(f"is a number of at most {DIGITS} digits")
    return number


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


class KycEvidence(Body):
    """Proof of identity, but for the address it may confirm."""

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
    kyc_update: bool | None = Field(default=None, description="Whether this renews an earlier check.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        if body.document_type not in (None, "TWO_PLUS_TWO_VERIFICATION_PROOF"):
            for name in ("document_expiration_date", "nationality"):
                if getattr(body, name) is None:
                    yield FieldError(name, "is required for this document type")


class PorEvidence(Body):
    """Proof of residence, but for the address it confirms."""

    type: Literal["POR"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    issuance_date: Day = Field(description="When the document was issued.")
    data_download_link: Proof
    document_type: ProofOfResidence = Field(description="The document that was shown.")


class InstrumentFitCreate(Body):
    """Appropriateness of the instruments for the person."""

    type: Literal["INSTRUMENT_FIT"] = Field(description="Type of the check.")
    check_confirmed_at: Confirmed
    instrument_suitability: Suitability = Field(description="What the questions gave.")


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
