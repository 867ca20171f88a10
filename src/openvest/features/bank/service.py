"""Verbs of banks: instruct and recall, take in what banks tell, resolve what nobody knew."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID

from openvest.core.banking import Mandate, Party
from openvest.core.sealing import Secrets
from openvest.core.shown import filled
from openvest.core.snapshots import snapshot_of, text_of
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.bank import rules, store
from openvest.features.bank.model import (
    COUNTERPARTY,
    PARTIES,
    BankLine,
    InstructionStatus,
    LineStatus,
    NewInstruction,
    Parties,
    Receipt,
)
from openvest.ports.bank import Entry, Instruction

_stored = filled(
    store.StoredInstruction,
    NewInstruction,
    beside="id created_at send_at due_on sealed_counterparty",
    mandate=lambda new: None if new.mandate is None else snapshot_of(new.mandate),
)
_arrived = filled(
    store.ArrivedLine,
    Entry,
    beside="id created_at ordinal object_kind object_id sealed_parties",
    due_at="received_at",
)
_OURS = re.compile("[0-9a-f]{32}")


def end_to_end_id(object_id: UUID) -> str:
    """What comes back with everything a bank tells of an object's instruction."""
    return object_id.hex


async def instruct(unit: Unit, new: Sequence[NewInstruction]) -> None:
    """Have payments made, each at the next cut-off. Writes: bank_instructions.

    Raises: OutsideCalendar; KeyError for a currency in which nothing is paid.
    """
    rows: list[store.StoredInstruction] = []
    for one in new:
        instruction_id = unit.ids.new("bank_instruction", one.object_id)
        send_at, due_on = rules.sending(unit.now, one.currency)
        sealed = unit.secrets.seal(text_of(one.counterparty).encode(), COUNTERPARTY.place(id=instruction_id))
        row = _stored(
            one, id=instruction_id, created_at=unit.now, send_at=send_at, due_on=due_on, sealed_counterparty=sealed
        )
        rows.append(row)
    await save(unit, store.ADD_INSTRUCTIONS, *rows)


async def recall(unit: Unit, object_ids: Sequence[UUID]) -> set[UUID]:
    """Take back the instructions of these objects that no bank has been handed. Returns the objects they were for.

    Writes: bank_instructions.
    """
    found = await unit.rows(store.RECALLABLE_FOR_UPDATE, unit.tenant_id, list(object_ids))
    await save(unit, store.MOVE_INSTRUCTIONS, *[moved(unit, one.id, "recall") for one in found])
    return {one.object_id for one in found}


def moved(unit: Unit, instruction_id: UUID, verb: str) -> store.MovedInstruction:
    """What becomes of an instruction that is READY."""
    status = cast(InstructionStatus, rules.INSTRUCTION.move("READY", verb))
    return store.MovedInstruction(instruction_id, unit.now, status)


async def receive(unit: Unit, entries: Sequence[Entry]) -> list[Receipt]:
    """Put what a bank told into the inbox; an entry told twice is kept once. They are booked by the sweep `bank.book`.

    Writes: bank_lines.
    """
    ours = [UUID(entry.end_to_end_id) for entry in entries if _OURS.fullmatch(entry.end_to_end_id)]
    found = await unit.rows(store.INSTRUCTIONS_OF, unit.tenant_id, ours) if ours else []
    asked = {end_to_end_id(instruction.object_id): instruction for instruction in found}
    lines: list[store.ArrivedLine] = []
    for ordinal, entry in enumerate(entries):
        instruction = asked.get(entry.end_to_end_id)
        if instruction is not None and not rules.answers(
            instruction.kind, entry.kind, entry.return_reason, entry.transaction_code
        ):
            instruction = None
        line_id = unit.ids.new("bank_line", entry.external_id)
        parties = text_of(Parties(entry.account_iban, entry.counterparty)).encode()
        line = _arrived(
            entry,
            id=line_id,
            created_at=unit.now,
            ordinal=ordinal,
            object_kind=None if instruction is None else instruction.object_kind,
            object_id=None if instruction is None else instruction.object_id,
            sealed_parties=unit.secrets.seal(parties, PARTIES.place(id=line_id)),
        )
        lines.append(line)
    await save(unit, store.ADD_LINES, *lines)
    external_ids = [entry.external_id for entry in entries]
    kept = await unit.rows(store.LINES_BY_EXTERNAL_ID, unit.tenant_id, external_ids)
    by_reference = {receipt.bank_reference: receipt for receipt in kept}
    return [by_reference[external_id] for external_id in external_ids]


def status_entry(
    row: store.StoredInstruction, counterparty: Party | None, kind: Literal["SENT", "REJECTED"], at: datetime
) -> Entry:
    """What we know ourselves of an instruction, as a line of the inbox."""
    return Entry(
        external_id=f"{row.id} {kind}",
        received_at=at,
        kind=kind,
        account_iban=None,
        amount=row.amount,
        currency=row.currency,
        booking_on=at.date(),
        value_on=at.date(),
        end_to_end_id=end_to_end_id(row.object_id),
        counterparty=counterparty,
        remittance_information=row.remittance_information,
    )


def open_parties(unit: Unit, line: BankLine) -> Parties:
    """Who stands at the ends of a line. Raises: SealBroken."""
    opened: dict[str, Any] = json.loads(unit.secrets.open(line.sealed_parties, PARTIES.place(id=line.id)))
    other = opened.get("counterparty")
    return Parties(opened.get("account_iban"), None if other is None else Party(**other))


def counterparty_of(secrets: Secrets, instruction: store.StoredInstruction) -> Party:
    """Who is paid or debited. Raises: SealBroken."""
    place = COUNTERPARTY.place(id=instruction.id)
    return Party(**json.loads(secrets.open(instruction.sealed_counterparty, place)))


def mandate_of(instruction: store.StoredInstruction) -> Mandate | None:
    """What a direct debit stands on."""
    if instruction.mandate is None:
        return None
    mandate = Mandate(**instruction.mandate)
    return replace(mandate, signed_on=date.fromisoformat(instruction.mandate["signed_on"]))


_instruction = filled(
    Instruction,
    store.StoredInstruction,
    beside="tenant_id counterparty",
    end_to_end_id=lambda row: end_to_end_id(row.object_id),
    mandate=mandate_of,
    sent_at="send_at",
)


def as_instruction(secrets: Secrets, tenant_id: UUID, row: store.StoredInstruction) -> Instruction:
    """An instruction as a bank is given it. Raises: SealBroken."""
    return _instruction(row, tenant_id=tenant_id, counterparty=counterparty_of(secrets, row))


async def list_unmatched(unit: Unit, most: int) -> list[BankLine]:
    """The lines whose money stands in suspense, the oldest first."""
    return await unit.rows(store.UNMATCHED, unit.tenant_id, most)


async def unmatched_for_update(unit: Unit, line_id: UUID) -> BankLine:
    """Raises: BankLineNotFound."""
    return await unit.known(rules.BankLineNotFound(), store.UNMATCHED_FOR_UPDATE, unit.tenant_id, line_id)


async def unmatched_recalls(unit: Unit, end_to_end_ids: Sequence[str]) -> list[BankLine]:
    """Lines in suspense that take back transfers with these ids, which were not known when they came; locked."""
    found = await unit.rows(store.UNMATCHED_NAMED_FOR_UPDATE, unit.tenant_id, list(end_to_end_ids))
    return [line for line in found if rules.is_recall(line)]


async def pair_recalls(unit: Unit, end_to_end_ids: Sequence[str]) -> None:
    """Close transfers that are nobody's with what takes them back: together they bring nothing. Writes: bank_lines."""
    found = await unit.rows(store.UNMATCHED_NAMED_FOR_UPDATE, unit.tenant_id, list(end_to_end_ids))
    if not any(rules.is_recall(line) for line in found):
        return
    for arrived, recall in rules.recalled_pairs([(line, open_parties(unit, line).counterparty) for line in found]):
        await resolve(unit, arrived, "recall", recall.id)
        await resolve(unit, recall, "match", arrived.id)


async def resolve(
    unit: Unit, line: BankLine, verb: Literal["assign", "return", "recall", "match"], object_id: UUID
) -> None:
    """Say what a locked, unmatched line turned out to be for; its money is the caller's to move. Writes: bank_lines."""
    status = cast(LineStatus, rules.BANK_LINE.move("UNMATCHED", verb))
    await save(unit, store.MOVE_LINES, store.BookedLine(line.id, status, object_id, unit.now))


async def returned_for_update(unit: Unit, object_ids: Sequence[UUID]) -> dict[UUID, store.ReturnedLine]:
    """The lines whose money goes back, by the objects of the instructions that pay it."""
    found = await unit.rows(store.RETURNED_FOR_UPDATE, unit.tenant_id, object_ids)
    return {line.matched_id: line for line in found}


async def end_return(unit: Unit, line: store.ReturnedLine, verb: Literal["pay", "reopen"]) -> None:
    """A locked line's money was sent back, or could not be and somebody has to look at it again. Writes: bank_lines."""
    status = cast(LineStatus, rules.BANK_LINE.move("RETURNED", verb))
    matched_id = line.matched_id if verb == "pay" else None
    await save(unit, store.MOVE_LINES, store.BookedLine(line.id, status, matched_id, unit.now))
