"""Schemas of payments that several features take and show: account numbers, amounts, texts of transfers."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from openvest.core.bank_accounts import masked_iban, valid_bic, valid_iban
from openvest.core.schema import PaymentAmount, Shown
from openvest.core.texts import visible_line

PaymentCurrency = Literal["EUR", "GBP"]
TEXT_PATTERN = r"^[0-9A-Za-z+?/\-:()\.,'; ]*$"
IBAN_PATTERN = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,26}$"
MASKED_IBAN_PATTERN = r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{2}\*{10}[A-Z0-9]{4}$"
BIC_PATTERN = "^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$"


def _above_zero(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("is above zero")
    return value


Iban = Annotated[str, AfterValidator(valid_iban), WithJsonSchema({"type": "string", "pattern": IBAN_PATTERN})]
"""Described by the pattern of the reference, which ends at 30 characters; taken is what the IBAN registry knows."""
MaskedIban = Annotated[str, Field(pattern=MASKED_IBAN_PATTERN), Shown(masked_iban)]
Bic = Annotated[str, Field(pattern=BIC_PATTERN), AfterValidator(valid_bic)]
SepaText = Annotated[str, Field(max_length=140, pattern=TEXT_PATTERN)]
HolderName = Annotated[str, Field(min_length=1, max_length=140), AfterValidator(visible_line)]
PurposeCode = Annotated[str, Field(max_length=4)]
Amount = Annotated[PaymentAmount, AfterValidator(_above_zero)]
