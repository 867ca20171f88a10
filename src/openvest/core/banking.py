"""What banks write: account numbers, who pays whom, and the mandate a direct debit stands on.

Source: ISO 13616 (IBAN), ISO 9362 (BIC), SEPA rulebooks of credit transfer and core direct debit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from schwifty import BIC, IBAN
from schwifty.exceptions import InvalidCountryCode, SchwiftyException

from openvest.core.countries import BIC_COUNTRIES

InstructionKind = Literal["CREDIT_TRANSFER", "DIRECT_DEBIT"]
LineKind = Literal["SENT", "REJECTED", "CREDIT", "DEBIT"]
"""What a bank tells: an instruction was handed over, or will not be done; an account was credited, or debited."""

_IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


@dataclass(frozen=True, slots=True)
class Party:
    """Who stands at the other end of a payment."""

    name: str
    iban: str
    bic: str | None = None


@dataclass(frozen=True, slots=True)
class Mandate:
    """What allows a direct debit. `sequence`: whether it is the first that is collected under it.

    Shape: `reference` has at most 35 characters and is unique per creditor.
    """

    reference: str
    signed_on: date
    creditor_id: str
    creditor_name: str
    sequence: Literal["FRST", "RCUR"]


def valid_iban(value: str) -> str:
    """An IBAN in its electronic form, of any country of the registry, which go up to 34 characters.

    Raises: ValueError where form, country, length or check digits are wrong.
    """
    try:
        if _IBAN.fullmatch(value):
            return str(IBAN(value))
    except SchwiftyException:
        pass
    raise ValueError("is a valid IBAN")


def valid_bic(value: str) -> str:
    """Raises: ValueError where the form or the country is wrong."""
    bic = BIC(value, allow_invalid=True)
    try:
        bic.validate()
    except InvalidCountryCode:
        # The library knows the countries of ISO 3166-1 alone.
        if bic.country_code not in BIC_COUNTRIES:
            raise ValueError("is a valid BIC") from None
    except SchwiftyException:
        raise ValueError("is a valid BIC") from None
    return str(bic)
