"""What instructions to banks and their answers are about: who stands at the other end, and on which mandate.

Source: SEPA rulebooks of credit transfer and core direct debit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

InstructionKind = Literal["CREDIT_TRANSFER", "DIRECT_DEBIT"]
LineKind = Literal["SENT", "REJECTED", "CREDIT", "DEBIT"]
"""What a bank tells: an instruction was handed over, or will not be done; an account was credited, or debited."""


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
