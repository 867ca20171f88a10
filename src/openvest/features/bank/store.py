"""SQL of instructions and bank lines. $1 is always the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.banking import InstructionKind
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.declarations import AuditQuery
from openvest.features.bank.model import BankLine, Compared, InstructionStatus, LineStatus, Receipt


@dataclass(frozen=True, slots=True)
class StoredInstruction:
    """An instruction as it is kept."""

    id: UUID
    created_at: datetime
    kind: InstructionKind
    object_kind: str
    object_id: UUID
    user_id: UUID | None
    amount: Decimal
    currency: str
    remittance_information: str
    purpose_code: str | None
    mandate: dict[str, Any] | None
    send_at: datetime
    due_on: date
    sealed_counterparty: bytes


@dataclass(frozen=True, slots=True)
class LeasedInstruction(StoredInstruction):
    """An instruction on its way to the bank."""

    tenant_id: UUID
    lease_token: UUID


@dataclass(frozen=True, slots=True)
class MovedInstruction:
    """What became of an instruction."""

    id: UUID
    updated_at: datetime
    status: InstructionStatus


_INSTRUCTION = columns(StoredInstruction)
ADD_INSTRUCTIONS = insert(
    "bank_instructions", StoredInstruction, also={"status": "'READY'", "updated_at": "t.created_at"}
)
MOVE_INSTRUCTIONS = update("bank_instructions", MovedInstruction, also="lease_token = null, leased_until = null")

# A leased instruction is still to be sent, else the clock would pass over one whose process died. A lease is respected
# only where several runners work side by side: a frozen tenant has one ($5), and what it finds leased is of a dead one.

_READY = """
       tenant_id = $1 and status = 'READY'
     and not exists (
       select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'bank.send' and a.row_id = bank_instructions.id)
"""
NEXT_INSTRUCTION = Query(datetime, f"select send_at from bank_instructions where {_READY} order by send_at limit 1")
LEASE = Query(
    LeasedInstruction,
    f"""
    update bank_instructions i set lease_token = $3, leased_until = wire_now() + interval '60 seconds'
      from (select id from bank_instructions
             where {_READY} and send_at <= $2 and (leased_until is null or leased_until < wire_now() or $5)
             order by send_at, created_at, id limit $4 for update skip locked) due
     where i.tenant_id = $1 and i.id = due.id
    returning {", ".join("i." + name.strip() for name in columns(LeasedInstruction).split(","))}
    """,
)
STILL_LEASED = Query(
    UUID,
    "select id from bank_instructions where tenant_id = $1 and id = any($2::uuid[]) and lease_token = $3"
    " and status = 'READY' order by id for update",
)
RELEASE = update("bank_instructions", MovedInstruction, "updated_at", also="lease_token = null")
RECALLABLE_FOR_UPDATE = Query(
    StoredInstruction,
    f"select {_INSTRUCTION} from bank_instructions"
    " where tenant_id = $1 and object_id = any($2::uuid[]) and status = 'READY' and lease_token is null"
    " order by id for update",
)
"""What was handed over once, and of which no answer was recorded, may be with the bank: it is not recalled."""
READY_FOR_UPDATE = Query(
    StoredInstruction,
    f"select {_INSTRUCTION} from bank_instructions where tenant_id = $1 and id = $2 and status = 'READY' for update",
)
INSTRUCTIONS_OF = Query(
    StoredInstruction,
    f"select {_INSTRUCTION} from bank_instructions where tenant_id = $1 and object_id = any($2::uuid[])",
)


@dataclass(frozen=True, slots=True)
class FiledInstruction(MovedInstruction):
    """An instruction that left in a file."""

    message_id: str


FILE_INSTRUCTIONS = update("bank_instructions", FiledInstruction)
DUE_FOR_UPDATE = Query(
    StoredInstruction,
    f"""
    select {_INSTRUCTION} from bank_instructions
     where {_READY} and send_at <= $2 and currency = $3 and lease_token is null
     order by send_at, created_at, id limit $4 for update skip locked
    """,
)
INSTRUCTIONS_OF_FILE = Query(
    StoredInstruction,
    f"select {_INSTRUCTION} from bank_instructions where tenant_id = $1 and message_id = $2 order by created_at, id",
)
FILED_AT = Query(
    datetime, "select updated_at from bank_instructions where tenant_id = $1 and message_id = $2 order by id limit 1"
)


@dataclass(frozen=True, slots=True)
class SealedAccount:
    """An account of ours as it is kept."""

    id: UUID
    created_at: datetime
    currency: str
    holder: str
    bic: str
    sealed_iban: bytes


ADD_ACCOUNT = insert("bank_accounts", SealedAccount, unless="currency")
ACCOUNTS = Query(SealedAccount, f"select {columns(SealedAccount)} from bank_accounts where tenant_id = $1")


@dataclass(frozen=True, slots=True)
class ArrivedLine(BankLine):
    """A bank line as it comes in."""

    external_id: str
    created_at: datetime
    due_at: datetime
    ordinal: int


@dataclass(frozen=True, slots=True)
class BookedLine:
    """What became of a bank line."""

    id: UUID
    status: LineStatus
    matched_id: UUID | None
    booked_at: datetime


LINES_OF_ACCOUNT = Query(
    Compared,
    """
    select substr(external_id, length($2) + 1) as reference,
           case kind when 'CREDIT' then amount else -amount end as signed, currency, value_on
      from bank_lines
     where tenant_id = $1 and starts_with(external_id, $2) and booking_on between $3 and $4
     order by created_at, ordinal
    """,
)
"""What was booked of an account of ours in these days, by the bank's reference."""

_LINE = columns(BankLine)
ADD_LINES = insert("bank_lines", ArrivedLine, also={"status": "'RECEIVED'"}, unless="external_id")
MOVE_LINES = update("bank_lines", BookedLine)
LINES_BY_EXTERNAL_ID = Query(
    Receipt,
    "select id, external_id as bank_reference from bank_lines where tenant_id = $1 and external_id = any($2::text[])",
)
_DUE = """
      from bank_lines l
     where tenant_id = $1 and status = 'RECEIVED'
       and not exists (select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'bank.book' and a.row_id = l.id)
"""
NEXT_LINE = Query(datetime, f"select due_at {_DUE} order by due_at limit 1")
CLAIM_LINES = Query(
    BankLine,
    f"select {_LINE} {_DUE} and due_at <= $2 order by due_at, ordinal, id limit $3 for update skip locked",
)
RECEIVED_FOR_UPDATE = Query(
    BankLine, f"select {_LINE} from bank_lines where tenant_id = $1 and id = $2 and status = 'RECEIVED' for update"
)
UNMATCHED_FOR_UPDATE = Query(
    BankLine, f"select {_LINE} from bank_lines where tenant_id = $1 and id = $2 and status = 'UNMATCHED' for update"
)

UNMATCHED_NAMED_FOR_UPDATE = Query(
    BankLine,
    f"select {_LINE} from bank_lines where tenant_id = $1 and end_to_end_id = any($2::text[]) and status = 'UNMATCHED'"
    " and kind in ('CREDIT', 'DEBIT') and object_id is null order by created_at, id for update",
)


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """A line whose money goes back to who sent it. `matched_id` is the object of the instruction that pays it."""

    id: UUID
    matched_id: UUID
    amount: Decimal


RETURNED_FOR_UPDATE = Query(
    ReturnedLine,
    f"select {columns(ReturnedLine)} from bank_lines"
    " where tenant_id = $1 and matched_id = any($2::uuid[]) and status = 'RETURNED' order by id for update",
)
UNMATCHED = Query(
    BankLine,
    f"select {_LINE} from bank_lines"
    " where tenant_id = $1 and status = 'UNMATCHED' and kind in ('CREDIT', 'DEBIT') order by created_at, id limit $2",
)

INVARIANTS = (
    AuditQuery(
        "suspense_is_its_lines",
        "What stands in suspense is what bank lines that nobody knows brought, without what they took.",
        """
select coalesce(l.currency, h.asset) as currency, coalesce(l.amount, 0) as lines, coalesce(h.balance, 0) as suspense
  from (select currency, sum(amount) as amount from pub_suspense where tenant_id = $1 group by currency) l
  full join (select asset, balance from pub_house_balances where tenant_id = $1 and bucket = 'suspense') h
    on h.asset = l.currency
 where coalesce(l.amount, 0) <> coalesce(h.balance, 0)
""",
    ),
)
