"""Banks by file: our accounts, instructions as pain files, what camt files tell, and what differs from it.

Imported by whoever works with files, and by nobody else: it brings the readers and writers of XML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import cast

from openvest.core.shown import filled
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.bank import rules, service, store
from openvest.features.bank.model import ACCOUNT_IBAN, BankAccount, Break, Compared, InstructionStatus, NewBankAccount
from openvest.features.bank.rules_reconciliation import breaks
from openvest.ports.bank import Entry, Instruction
from openvest.ports.camt import StatedLine, Statement, StatementRefused, read_statements
from openvest.ports.pain import PaymentFile, batches_of, debits_file, transfers_file
from openvest.ports.pain_status import StatusReport, is_report, read_report

Told = StatusReport | list[Statement]
"""A file of a bank, read: what it refuses of ours, or its statements."""

CURRENCY = "EUR"
"""What pain files are for here: SEPA."""
MOST = 10_000
"""How many instructions leave in one export."""


async def add_account(unit: Unit, new: NewBankAccount) -> BankAccount:
    """Name our account of a currency. Raises: BankAccountExists. Writes: bank_accounts."""
    account_id = unit.ids.new("bank_account", new.currency)
    sealed = unit.secrets.seal(new.iban.encode(), ACCOUNT_IBAN.place(id=account_id))
    row = store.SealedAccount(account_id, unit.now, new.currency, new.holder, new.bic, sealed)
    if not await save(unit, store.ADD_ACCOUNT, row):
        raise rules.BankAccountExists(new.currency)
    return BankAccount(new.currency, new.holder, new.bic, new.iban, account_id)


async def our_accounts(unit: Unit) -> list[BankAccount]:
    """Our accounts with banks."""
    rows = await unit.rows(store.ACCOUNTS, unit.tenant_id)
    return [BankAccount(row.currency, row.holder, row.bic, _iban(unit, row), row.id) for row in rows]


def _iban(unit: Unit, row: store.SealedAccount) -> str:
    return unit.secrets.open(row.sealed_iban, ACCOUNT_IBAN.place(id=row.id)).decode()


async def _account(unit: Unit) -> BankAccount:
    found = next((one for one in await our_accounts(unit) if one.currency == CURRENCY), None)
    if found is None:
        raise rules.NoBankAccount(CURRENCY)
    return found


async def export_files(unit: Unit) -> list[PaymentFile]:
    """The files of all instructions whose cut-off has come and that no bank has; they have left with that.

    Why they can be made again (`files_again`): who writes a file down does so after this unit's commit, and may fail.
    Raises: NoBankAccount, FileUnsound. Writes: bank_instructions, bank_lines.
    """
    account = await _account(unit)
    due = await unit.rows(store.DUE_FOR_UPDATE, unit.tenant_id, unit.now, CURRENCY, MOST)
    files: list[PaymentFile] = []
    for message, rows in _messages(unit, due):
        made = _file(account, message, unit.now, [_instruction(unit, row) for row in rows])
        status = cast(InstructionStatus, rules.INSTRUCTION.move("READY", "send"))
        filed = [store.FiledInstruction(row.id, unit.now, status, message) for row in rows]
        await save(unit, store.FILE_INSTRUCTIONS, *filed)
        told = [service.status_entry(row, None, "SENT", unit.now) for row in rows]
        await service.receive(unit, told)
        files.append(made)
    return files


async def file_again(unit: Unit, message_id: str) -> PaymentFile | None:
    """A file that left before, byte for byte; None where there was none of this name. Raises: NoBankAccount."""
    made_at = await unit.row(store.FILED_AT, unit.tenant_id, message_id)
    if made_at is None:
        return None
    rows = await unit.rows(store.INSTRUCTIONS_OF_FILE, unit.tenant_id, message_id)
    return _file(await _account(unit), message_id, made_at, [_instruction(unit, row) for row in rows])


def _messages(unit: Unit, due: Sequence[store.StoredInstruction]) -> list[tuple[str, list[store.StoredInstruction]]]:
    """Instructions by the file they go into, under its name: one for transfers, one for the debits of each creditor."""

    def place(row: store.StoredInstruction) -> tuple[str, str]:
        return row.kind, "" if row.mandate is None else str(row.mandate["creditor_id"])

    ordered = sorted(due, key=lambda row: (place(row), row.created_at, row.id))
    return [(unit.ids.new("bank_message").hex, list(rows)) for _, rows in groupby(ordered, place)]


def _file(account: BankAccount, message_id: str, at: datetime, instructions: Sequence[Instruction]) -> PaymentFile:
    make = transfers_file if instructions[0].kind == "CREDIT_TRANSFER" else debits_file
    return make(account.party, message_id, at, instructions)


def _instruction(unit: Unit, row: store.StoredInstruction) -> Instruction:
    return service.as_instruction(unit.secrets, unit.tenant_id, row)


# What banks tell


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to: lines that the file has, and those of them that were not known."""

    read: int
    new: int


def read_file(content: bytes) -> Told:
    """A camt file or a pain.002 report. Raises: StatementRefused.

    Why apart from the unit that takes it: a large file takes longer to read than a unit may be silent.
    """
    return read_report(content) if is_report(content) else read_statements(content)


async def import_file(unit: Unit, told: Told) -> Imported:
    """Take all lines of a camt file into the inbox, or what a pain.002 report refuses; what is known changes nothing.

    Raises: StatementRefused, AnotherAccount, AnotherFile. Writes: bank_lines.
    """
    entries = await (_refused(unit, told) if isinstance(told, StatusReport) else _entries(unit, told))
    external_ids = [entry.external_id for entry in entries]
    known = await unit.rows(store.LINES_BY_EXTERNAL_ID, unit.tenant_id, external_ids)
    if entries:
        await service.receive(unit, entries)
    return Imported(len(entries), len({*external_ids} - {receipt.bank_reference for receipt in known}))


async def _refused(unit: Unit, report: StatusReport) -> list[Entry]:
    """What a report refuses of a file of ours, payment by payment. Raises: StatementRefused, AnotherFile."""
    file = await file_again(unit, report.message_id)
    if file is None:
        raise rules.AnotherFile
    rows = await unit.rows(store.INSTRUCTIONS_OF_FILE, unit.tenant_id, report.message_id)
    sent = {service.end_to_end_id(row.object_id): row for row in rows}
    batches, reasons = batches_of(file), dict[str, str]()
    for refusal in report.refusals:
        within = sent if refusal.batch_id is None else batches.get(refusal.batch_id, ())
        named = [one for one in within if refusal.end_to_end_id in (None, one)]
        if not named:
            raise StatementRefused(f"line {refusal.line}: it names no payment of the file it answers")
        reasons |= dict.fromkeys(named, refusal.reason)
    return [
        replace(service.status_entry(sent[one], None, "REJECTED", unit.now), return_reason=reason)
        for one, reason in reasons.items()
    ]


async def _entries(unit: Unit, told: Sequence[Statement]) -> list[Entry]:
    """Raises: as `import_file`, also where two payments of a file have one reference: one of them would be lost."""
    found: dict[str, StatedLine] = {}
    for place, statement in await _placed(unit, told):
        for line in statement.lines:
            first = found.setdefault(f"{place}{line.reference}", line)
            if replace(line, line=first.line) != first:
                raise StatementRefused(f"line {line.line}: {line.reference} is another payment on line {first.line}")
    return [_entry(line, external_id=name, received_at=unit.now) for name, line in found.items()]


async def _placed(unit: Unit, told: Sequence[Statement]) -> list[tuple[str, Statement]]:
    """The statements of a file, each with what its account's references begin with. Raises: as `import_file`."""
    accounts = {one.iban: one for one in await our_accounts(unit)}
    if any(statement.iban not in accounts for statement in told):
        raise rules.AnotherAccount
    for statement in told:
        currency = accounts[statement.iban].currency
        for line in statement.lines:
            if line.currency != currency:
                raise StatementRefused(f"line {line.line}: {line.currency} on an account that is in {currency}")
    return [(f"{accounts[statement.iban].id}/", statement) for statement in told]


async def reconcile_file(unit: Unit, told: Sequence[Statement]) -> list[Break]:
    """What differs between a file and what was booked of its accounts in its days. Raises: as `import_file`."""
    found: list[Break] = []
    for place, statement in await _placed(unit, told):
        days = [line.booking_on for line in statement.lines]
        if days:
            ours = await unit.rows(store.LINES_OF_ACCOUNT, unit.tenant_id, place, min(days), max(days))
            found += breaks([_compared(line) for line in statement.lines], ours)
    return found


def _compared(line: StatedLine) -> Compared:
    signed = line.amount if line.kind == "CREDIT" else -line.amount
    return Compared(line.reference, signed, line.currency, line.value_on)


_entry = filled(Entry, StatedLine, beside="external_id received_at", virtual_bank_account_id=lambda _: None)
