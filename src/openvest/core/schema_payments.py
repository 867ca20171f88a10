"""Field types of payments, shared by the features that take or show them in either contract."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from openvest.core.banking import valid_bic, valid_iban
from openvest.core.schema import PaymentAmount
from openvest.core.texts import visible_line

PaymentCurrency = Literal["EUR", "GBP"]
TEXT_PATTERN = r"^[0-9A-Za-z+?/\-:()\.,'; ]*$"
IBAN_PATTERN = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,26}$"
BIC_PATTERN = "^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$"


def _above_zero(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("is above zero")
    return value


Iban = Annotated[str, AfterValidator(valid_iban), WithJsonSchema({"type": "string", "pattern": IBAN_PATTERN})]
"""Described by the pattern of the reference, which ends at 30 characters; taken is what the IBAN registry knows."""
Bic = Annotated[str, Field(pattern=BIC_PATTERN), AfterValidator(valid_bic)]
SepaText = Annotated[str, Field(max_length=140, pattern=TEXT_PATTERN)]
PartyName = Annotated[str, Field(min_length=1, max_length=140), AfterValidator(visible_line)]
PurposeCode = Annotated[str, Field(max_length=4)]
Amount = Annotated[PaymentAmount, AfterValidator(_above_zero)]
