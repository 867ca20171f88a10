"""Instructions to banks and lines of our accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Literal, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from openvest.core.banking import InstructionKind, LineKind, Mandate, Party
from openvest.core.sealing import SealedColumn

InstructionStatus = Literal["READY", "SENT", "REJECTED", "RECALLED"]
LineStatus = Literal["RECEIVED", "MATCHED", "UNMATCHED", "ASSIGNED", "RETURNED", "PAID_BACK"]
CancellationReason = Literal["CANCELLED_BY_BANK", "CANCELLED_BY_UPVEST", "CANCELLED_BY_CLIENT", "OTHER"]
"""Who ended a payment, as the contracts know it."""
CUT_OFF = time(14)
"""Until when a bank takes instructions for its day, where it is."""
BOOKING_TIME = time(8)
"""When a bank has booked what is due on a day, as far as nothing else is known."""
_ZONES = {"EUR": ZoneInfo("Europe/Berlin"), "GBP": ZoneInfo("Europe/London")}


def bank_day(currency: str, at: datetime) -> date:
    """The day it is at the bank. Raises: KeyError for a currency in which nothing is paid."""
    return at.astimezone(_ZONES[currency]).date()


def bank_instant(currency: str, day: date, at: time) -> datetime:
    """An instant of a bank's day. Raises: as `bank_day`."""
    return datetime.combine(day, at, _ZONES[currency]).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class NewInstruction:
    """What a feature above has a bank do for one of its objects.

    `object_kind` is the name of the taker (`declarations.LineTaker`) that hears what becomes of it. Shape: a direct
    debit has a mandate, a credit transfer has none; an object has one instruction.
    """

    kind: InstructionKind
    object_kind: LiteralString
    object_id: UUID
    user_id: UUID | None
    amount: Decimal
    currency: str
    counterparty: Party
    remittance_information: str
    purpose_code: str | None = None
    mandate: Mandate | None = None


@dataclass(frozen=True, slots=True)
class BankLine:
    """One thing a bank told. Who stands at its ends is sealed: `service.open_parties`.

    `object_kind` and `object_id` are those of the instruction it answers, None where nobody instructed it.
    `return_reason` is the bank's, as ISO 20022 codes it: of a REJECTED line, of a CREDIT that gives back what we paid,
    and of a DEBIT that takes back what we collected.
    """

    id: UUID
    kind: LineKind
    amount: Decimal
    currency: str
    booking_on: date
    value_on: date
    end_to_end_id: str
    remittance_information: str
    return_reason: str | None
    transaction_code: str
    virtual_bank_account_id: UUID | None
    purpose_code: str | None
    object_kind: str | None
    object_id: UUID | None
    sealed_parties: bytes

    @property
    def moves_money(self) -> bool:
        return self.kind in ("CREDIT", "DEBIT")

    @property
    def refusal(self) -> CancellationReason:
        """Of a REJECTED line: without a reason we refused ourselves, and a narrative is a reason nobody explains."""
        if self.return_reason is None:
            return "CANCELLED_BY_UPVEST"
        return "OTHER" if self.return_reason == "NARR" else "CANCELLED_BY_BANK"

    @property
    def why_unmatched(self) -> str:
        """Of a line in suspense: why it stands there, for whoever looks into it."""
        reason = f" ({self.return_reason})" if self.return_reason else ""
        if self.object_kind is not None:
            return f"answers a {self.object_kind} that it does not fit{reason}"
        if self.kind == "DEBIT":
            return f"takes back what we do not know{reason}" if reason else "taken by the bank, for nothing we know"
        return f"comes back, from nothing we know{reason}" if reason else "is no active group's, and settles no top-up"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who stands at the two ends of a line: an account of ours, and somebody."""

    account_iban: str | None
    counterparty: Party | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a bank acknowledges a simulated transfer."""

    id: UUID
    bank_reference: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A line as it is compared. `signed` is above zero where the account was credited."""

    reference: str
    signed: Decimal
    currency: str
    value_on: date


@dataclass(frozen=True, slots=True)
class Break:
    """A difference between a statement and our books: what the bank has, and what we have."""

    kind: Literal["MISSING_HERE", "MISSING_THERE", "AMOUNT", "VALUE_DATE", "DOUBLE"]
    reference: str
    stated: str | None
    booked: str | None


@dataclass(frozen=True, slots=True)
class NewBankAccount:
    """An account of ours with a bank: where the customers' money is."""

    currency: str
    holder: str
    bic: str
    iban: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BankAccount(NewBankAccount):
    """One that is kept; a currency has one."""

    id: UUID

    @property
    def party(self) -> Party:
        return Party(self.holder, self.iban, self.bic)


ACCOUNT_IBAN = SealedColumn("bank_accounts", "sealed_iban", "bank_accounts.sealed_iban {id}")
PARTIES = SealedColumn("bank_lines", "sealed_parties", "bank_lines.sealed_parties {id}")
COUNTERPARTY = SealedColumn("bank_instructions", "sealed_counterparty", "bank_instructions.sealed_counterparty {id}")
