"""Rules of banks: lives, when an instruction leaves and is due, and what answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from openvest.core.banking import InstructionKind, LineKind, Party
from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import Conflict, NotFound, Unprocessable
from openvest.core.trading_calendar import is_payment_day, next_payment_day
from openvest.features.bank.model import CUT_OFF, BankLine, bank_day, bank_instant

INSTRUCTION = Lifecycle(
    "bank instruction",
    "bank_instructions.status",
    born=("READY",),
    ends=frozenset({"SENT", "REJECTED", "RECALLED"}),
    moves={("READY", "send"): "SENT", ("READY", "recall"): "RECALLED", ("READY", "reject"): "REJECTED"},
)
BANK_LINE = Lifecycle(
    "bank line",
    "bank_lines.status",
    born=("RECEIVED",),
    ends=frozenset({"MATCHED", "ASSIGNED", "PAID_BACK"}),
    moves={
        ("RECEIVED", "match"): "MATCHED",
        ("RECEIVED", "set apart"): "UNMATCHED",
        ("UNMATCHED", "assign"): "ASSIGNED",
        ("UNMATCHED", "return"): "RETURNED",
        ("UNMATCHED", "recall"): "PAID_BACK",
        ("UNMATCHED", "match"): "MATCHED",
        ("RETURNED", "reopen"): "UNMATCHED",
        ("RETURNED", "pay"): "PAID_BACK",
    },
)


class BankLineNotFound(NotFound):
    """No unmatched line of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no unmatched bank line of this id.")


class BankAccountExists(Conflict):
    """A currency has one account of ours, and it does not change."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"There is a bank account for {currency} already.")


class NoBankAccount(Unprocessable):
    """What goes by file needs an account of ours to go from."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"There is no bank account for {currency}.")


class AnotherAccount(Unprocessable):
    """A statement of an account that is none of ours."""

    def __init__(self) -> None:
        super().__init__("The file is of an account that is none of the tenant's.")


class AnotherFile(Unprocessable):
    """A report about a file that is none of ours."""

    def __init__(self) -> None:
        super().__init__("The report answers a file that is none of the tenant's.")


def sending(now: datetime, currency: str) -> tuple[datetime, date]:
    """When an instruction given now leaves, and the day on which the bank is to carry it out.

    Raises: KeyError for a currency in which nothing is paid, OutsideCalendar.
    """
    day = bank_day(currency, now)
    if not is_payment_day(currency, day) or now > bank_instant(currency, day, CUT_OFF):
        day = next_payment_day(currency, day)
    return bank_instant(currency, day, CUT_OFF), next_payment_day(currency, day)


def is_recall(line: BankLine) -> bool:
    """Whether a line takes back a transfer that somebody had sent us."""
    return line.kind == "DEBIT" and line.return_reason is not None and line.object_id is None


def recalled_pairs(lines: Sequence[tuple[BankLine, Party | None]]) -> list[tuple[BankLine, BankLine]]:
    """Of lines in suspense: transfers that arrived, each with what takes it back, the oldest first.

    The same payer, the same end-to-end id, to the cent. Shape: `lines` with the payer of each.
    """
    arrived: dict[tuple[object, ...], list[BankLine]] = defaultdict(list)
    recalls: dict[tuple[object, ...], list[BankLine]] = defaultdict(list)
    for line, payer in lines:
        key = (line.end_to_end_id, line.currency, line.amount, None if payer is None else payer.iban)
        if is_recall(line):
            recalls[key].append(line)
        elif line.kind == "CREDIT" and line.object_id is None:
            arrived[key].append(line)
    return [pair for key, found in recalls.items() for pair in zip(arrived[key], found, strict=False)]


def answers(kind: InstructionKind, line: LineKind, return_reason: str | None, transaction_code: str) -> bool:
    """Whether a line with the end-to-end id of an instruction is about it.

    Why not always: that id is written by whoever begins a payment, so anybody who learned ours may quote it in a
    transfer of their own. Only the bank says that a payment is returned, or that a debit of ours was collected.
    """
    if line in ("SENT", "REJECTED"):
        return True
    if kind == "CREDIT_TRANSFER":
        return line == "DEBIT" or return_reason is not None
    collected = transaction_code.startswith(("PMNT-IDDT", "PMNT-RDDT"))
    return return_reason is not None if line == "DEBIT" else collected
