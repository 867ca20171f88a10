"""The port to the banks that hold our accounts: what they are told to do, and what they tell.

An adapter is handed instructions and answers with dated entries; a real bank has little to say at once, and what it
says later comes in as files. Each entry becomes one inbox row; its external id makes the second delivery of the same
entry a no-op. A simulated bank knows at once what becomes of an instruction, and dates it.

Source: DOMAIN.md section 7; ISO 20022 pain.001, pain.008, camt.053.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from openvest.core.banking import InstructionKind, LineKind, Mandate, Party


@dataclass(frozen=True, slots=True)
class Instruction:
    """A credit transfer or a direct debit that a bank is to carry out. Asked twice, it is done once: by its id.

    `end_to_end_id` comes back with everything that is told of it. `counterparty` is paid, or debited under `mandate`.
    `object_id`, `user_id` and `sent_at` let a simulated bank match scenarios.
    """

    id: UUID
    tenant_id: UUID
    kind: InstructionKind
    object_id: UUID
    user_id: UUID | None
    end_to_end_id: str
    amount: Decimal
    currency: str
    counterparty: Party
    remittance_information: str
    purpose_code: str | None
    mandate: Mandate | None
    due_on: date
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """What a bank says of one payment. `external_id` is the bank's own reference, unique for ever.

    `received_at` is the instant of the booking; the inbox holds the row back until then. `account_iban` is ours, a
    virtual one where the payer used it. `end_to_end_id` is what whoever began the payment wrote. A REJECTED entry and
    one that returns a payment have the bank's reason, as ISO 20022 codes it. Units: `amount` in the major unit of the
    currency, above zero.
    """

    external_id: str
    received_at: datetime
    kind: LineKind
    account_iban: str | None
    amount: Decimal
    currency: str
    booking_on: date
    value_on: date
    end_to_end_id: str
    counterparty: Party | None
    remittance_information: str = ""
    return_reason: str | None = None
    transaction_code: str = ""
    virtual_bank_account_id: UUID | None = None
    purpose_code: str | None = None


@dataclass(frozen=True, slots=True)
class BankAnswer:
    """An instruction was handed over, and what the bank knows to say of it already."""

    instruction_id: UUID
    entries: tuple[Entry, ...] = ()


class Bank(Protocol):
    """Where payments go."""

    async def send(self, instructions: Sequence[Instruction]) -> Sequence[BankAnswer]:
        """An answer for each instruction that was handed over; the others wait. May be called again for the same
        instructions after a crash."""
        ...
