"""Work of banks that is due: instructions are handed over, and what banks told is booked by whom it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from openvest.core.banking import Party
from openvest.core.ids import random_id
from openvest.core.sealing import Secrets
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, LineTaker, Outbound, Phase, Sweep
from openvest.features.bank import rules, service, store
from openvest.features.bank.model import BankLine, LineStatus
from openvest.ledger import posting_rules
from openvest.ledger.posting import post
from openvest.ports import Ports
from openvest.ports.bank import BankAnswer

# What leaves


@dataclass(frozen=True, slots=True)
class Asked:
    """A leased instruction, and what opens whom it is for."""

    row: store.LeasedInstruction
    secrets: Secrets

    @property
    def id(self) -> UUID:
        """The instruction's, by which it is set aside where it cannot be sent."""
        return self.row.id

    @property
    def counterparty(self) -> Party:
        """Raises: SealBroken."""
        return service.counterparty_of(self.secrets, self.row)


async def lease_instructions(unit: Unit, limit: int) -> Sequence[Asked]:
    """Instructions whose cut-off has come, in the order in which they were given."""
    token = random_id(unit.now)
    found = await unit.rows(store.LEASE, unit.tenant_id, unit.now, token, limit, unit.frozen)
    return [Asked(row, unit.secrets) for row in sorted(found, key=lambda row: (row.created_at, row.id))]


async def send_instructions(ports: Ports, rows: Sequence[Asked]) -> Sequence[BankAnswer]:
    asked = [service.as_instruction(one.secrets, one.row.tenant_id, one.row) for one in rows]
    return await ports.bank.send(asked)


async def record_answers(unit: Unit, rows: Sequence[Asked], said: Sequence[BankAnswer]) -> None:
    """Instructions that were handed over are SENT, and what the bank knows of them is in the inbox.

    Those that no bank took go on waiting: nobody has them. Writes: bank_instructions, bank_lines.
    """
    ids, token = [asked.id for asked in rows], rows[0].row.lease_token
    leased = set(await unit.rows(store.STILL_LEASED, unit.tenant_id, ids, token))
    answered = {answer.instruction_id: answer for answer in said}
    sent = [asked for asked in rows if asked.id in leased and asked.id in answered]
    left = [one for one in ids if one in leased and one not in answered]
    await save(unit, store.RELEASE, *[store.MovedInstruction(one, unit.now, "READY") for one in left])
    await save(unit, store.MOVE_INSTRUCTIONS, *[service.moved(unit, asked.id, "send") for asked in sent])
    told = [service.status_entry(asked.row, asked.counterparty, "SENT", unit.now) for asked in sent]
    entries = [entry for asked in sent for entry in answered[asked.id].entries]
    if told:
        await service.receive(unit, [*told, *entries])


async def reject_instruction(unit: Unit, instruction_id: UUID) -> None:
    """An instruction that cannot be sent is refused by us, and its object hears so.

    Writes: bank_instructions, bank_lines.
    """
    row = await unit.row(store.READY_FOR_UPDATE, unit.tenant_id, instruction_id)
    if row is not None:
        await save(unit, store.MOVE_INSTRUCTIONS, service.moved(unit, row.id, "reject"))
        await service.receive(unit, [service.status_entry(row, None, "REJECTED", unit.now)])


# What comes in


async def claim_lines(unit: Unit, limit: int) -> list[BankLine]:
    """Bank lines that are due, locked, in the order of their instants."""
    return await unit.rows(store.CLAIM_LINES, unit.tenant_id, unit.now, limit)


def book_lines(takers: Sequence[LineTaker]) -> Sweep:
    """Booking what banks told. `takers` are the features above whose business it may be."""
    from_the_top = tuple(reversed(takers))

    async def book(unit: Unit, lines: Sequence[BankLine]) -> None:
        booked: dict[UUID, UUID] = {}
        for taker in from_the_top:
            left = [line for line in lines if line.id not in booked and _is_for(taker, line)]
            if left:
                booked |= await taker.take(unit, left)
        await _settle(unit, lines, booked)

    return Sweep("bank.book", claim_lines, book, store.NEXT_LINE, Phase.MONEY)


def _is_for(taker: LineTaker, line: BankLine) -> bool:
    if taker.instructed:
        return line.object_kind == taker.name
    return line.object_kind is None and line.moves_money


async def _settle(unit: Unit, lines: Sequence[BankLine], booked: dict[UUID, UUID]) -> None:
    """Put into suspense the money that nobody took, and note what became of each line; a transfer and what takes it
    back, whichever was told first, leave suspense together. Writes: bank_lines, ledger."""
    nobodys = [line for line in lines if line.id not in booked and line.moves_money]
    await post(unit, [_unmatched(line) for line in nobodys])
    await save(unit, store.MOVE_LINES, *[_booked(unit, line, booked.get(line.id)) for line in lines])
    if nobodys:
        await service.pair_recalls(unit, [line.end_to_end_id for line in nobodys])


def _unmatched(line: BankLine) -> posting_rules.Journal:
    amount = line.amount if line.kind == "CREDIT" else -line.amount
    return posting_rules.payment_unmatched(line.id, line.currency, amount, line.booking_on)


def _booked(unit: Unit, line: BankLine, matched_id: UUID | None) -> store.BookedLine:
    status = rules.BANK_LINE.move("RECEIVED", "set apart" if matched_id is None else "match")
    return store.BookedLine(line.id, cast(LineStatus, status), matched_id, unit.now)


async def set_line_apart(unit: Unit, line_id: UUID) -> None:
    """A bank line that cannot be booked moves nobody; its money is kept in suspense. Writes: bank_lines, ledger."""
    line = await unit.row(store.RECEIVED_FOR_UPDATE, unit.tenant_id, line_id)
    if line is not None:
        await _settle(unit, [line], {})


SWEEPS: list[Sweep | Outbound] = [
    Outbound(
        "bank.send",
        lease_instructions,
        send_instructions,
        record_answers,
        store.NEXT_INSTRUCTION,
        Phase.MONEY,
        writes_events=False,
    )
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "bank.send",
        "bank instruction",
        "bank_instructions t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'READY'",
        reject_instruction,
    ),
    DeadLetterKind(
        "bank.book",
        "bank line",
        "bank_lines t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'RECEIVED'",
        set_line_apart,
    ),
]
