"""The simulated bank: it takes every instruction and knows at once what becomes of it, and dates that.

It keeps nothing of its own: an answer follows from the instruction and the scenario that was drawn for it, so an
instruction may be sent again. What is due on a day is booked at `BOOKING_TIME`. A scenario's name in the text of the
payment, written with hyphens, does the same as the scenario.

Source: DOMAIN.md section 7 "Scenarios"; SEPA rulebooks (returns within two days here, refunds within eight weeks,
unauthorised debits within thirteen months).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.banking import LineKind
from openvest.core.money import ZERO
from openvest.core.trading_calendar import next_payment_day, payment_day_on_or_after
from openvest.db.unit import Database
from openvest.features.bank.model import BOOKING_TIME, bank_instant
from openvest.ports.bank import BankAnswer, Entry, Instruction
from openvest.simulation.scenarios import SCENARIOS, Candidate, take


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an instruction. `refused`: the bank's reason before anything is booked. `taken_back`: its reason
    for a second entry, so many days after the first."""

    refused: str | None = None
    delayed: bool = False
    taken_back: str | None = None
    days: int = 0


USUAL = Fate()
RETURN_FEE = Decimal("3.00")
"""What it charges whoever collected a debit that is taken back; it is part of what it takes back."""
FATES = {
    "payout_rejected": Fate(refused="AC04"),
    "payout_rejected_other": Fate(refused="NARR"),
    "payout_delayed": Fate(delayed=True),
    "payout_returned": Fate(taken_back="AC04", days=2),
    "direct_debit_rejected": Fate(refused="AC04"),
    "direct_debit_rejected_other": Fate(refused="NARR"),
    "direct_debit_delayed": Fate(delayed=True),
    "direct_debit_returned": Fate(taken_back="AM04", days=2),
    "direct_debit_charged_back": Fate(taken_back="MD06", days=35),
    "direct_debit_unauthorised": Fate(taken_back="MD01", days=300),
}
"""What each scenario for payments does."""
_KINDS: dict[str, Literal["payout", "direct_debit"]] = {
    "CREDIT_TRANSFER": "payout",
    "DIRECT_DEBIT": "direct_debit",
}
_BOOKED: dict[str, tuple[LineKind, str]] = {
    "CREDIT_TRANSFER": ("DEBIT", "PMNT-ICDT-ESCT"),
    "DIRECT_DEBIT": ("CREDIT", "PMNT-IDDT-ESDD"),
}
_TAKEN_BACK: dict[str, tuple[LineKind, str]] = {
    "CREDIT_TRANSFER": ("CREDIT", "PMNT-RCDT-RRTN"),
    "DIRECT_DEBIT": ("DEBIT", "PMNT-IDDT-UPDD"),
}


@dataclass(frozen=True, slots=True)
class SimulatedBank:
    """Implements `ports.bank.Bank`. Reads scenarios in units of its own."""

    database: Database

    async def send(self, instructions: Sequence[Instruction]) -> Sequence[BankAnswer]:
        by_tenant: dict[UUID, list[Candidate]] = defaultdict(list)
        for instruction in instructions:
            by_tenant[instruction.tenant_id].append(_candidate(instruction))
        drawn: dict[UUID, str] = {}
        for tenant_id, candidates in by_tenant.items():
            drawn |= await take(self.database, tenant_id, candidates)
        return [
            BankAnswer(instruction.id, tuple(entries(instruction, _fate(instruction, drawn.get(instruction.id)))))
            for instruction in instructions
        ]


def _candidate(instruction: Instruction) -> Candidate:
    """Found by its user, and by the id of the object it is for."""
    return Candidate(
        instruction.id,
        _KINDS[instruction.kind],
        instruction.user_id,
        client_reference=str(instruction.object_id),
        since=instruction.sent_at,
    )


def _fate(instruction: Instruction, drawn: str | None) -> Fate:
    if drawn is not None:
        return FATES[drawn]
    kind, text = _KINDS[instruction.kind], instruction.remittance_information.lower()
    named = [one.name for one in SCENARIOS if one.kind == kind and one.name.replace("_", "-") in text]
    return FATES[max(named, key=len)] if named else USUAL


def entries(instruction: Instruction, fate: Fate) -> Iterator[Entry]:
    """All that the bank will ever say about an instruction, in the order of its instants."""
    currency = instruction.currency
    due_on = next_payment_day(currency, instruction.due_on) if fate.delayed else instruction.due_on
    if fate.refused is not None:
        yield _entry(instruction, "REJECTED", due_on, fate.refused, "")
        return
    kind, code = _BOOKED[instruction.kind]
    yield _entry(instruction, kind, due_on, None, code)
    if fate.taken_back is not None:
        kind, code = _TAKEN_BACK[instruction.kind]
        day = payment_day_on_or_after(currency, due_on + timedelta(days=fate.days))
        fee = RETURN_FEE if instruction.kind == "DIRECT_DEBIT" else ZERO
        yield _entry(instruction, kind, day, fate.taken_back, code, fee)


def _entry(
    instruction: Instruction, kind: LineKind, day: date, reason: str | None, code: str, fee: Decimal = ZERO
) -> Entry:
    at: datetime = bank_instant(instruction.currency, day, BOOKING_TIME)
    return Entry(
        external_id=f"{instruction.end_to_end_id} {kind}",
        received_at=at,
        kind=kind,
        account_iban=None,
        amount=instruction.amount + fee,
        currency=instruction.currency,
        booking_on=day,
        value_on=day,
        end_to_end_id=instruction.end_to_end_id,
        counterparty=instruction.counterparty,
        remittance_information=instruction.remittance_information,
        return_reason=reason,
        transaction_code=code,
        purpose_code=instruction.purpose_code,
    )
