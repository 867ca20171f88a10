"""The checker: what the journal says was acknowledged, against what the database and the program say now."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from openvest import catalog
from openvest.db.unit import Database, Unit
from openvest.ledger.audit import Proof, prove_tenant
from tests.faults.crash.journal import Acknowledged, Read, digest_of
from tests.faults.crash.left import what_is_left
from tests.kit.lifecycles import untold_states
from tests.kit.wire import Wire

QUIET_SECONDS = 300
REPLAYS_AT_ONCE = 48

UNREST = """
select (select count(*) from orders where tenant_id = $1 and status = 'NEW' and due_at is not null)
     + (select count(*) from orders where tenant_id = $1 and status = 'PROCESSING'
          and (order_type = 'MARKET' or cancellation_reason is not null))
     + (select count(*) from executions where tenant_id = $1 and status = 'FILLED')
     + (select count(*) from event_sets where tenant_id = $1 and first_number is null)
     + (select count(*) from withdrawals w join bank_instructions i on i.tenant_id = w.tenant_id and i.object_id = w.id
         where w.tenant_id = $1 and w.status = 'NEW' and i.send_at <= wire_now())
"""
ORDERS = """
select id, client_reference, account_id, user_id, cash_amount, quantity, limit_price, status, cancellation_reason
  from orders where tenant_id = $1
"""
TOPUPS = "select id, account_group_id, cash_amount from topups where tenant_id = $1"
EVENTS = "select object_id, type, count(*) as times from events where tenant_id = $1 group by object_id, type"
SEQUENCE = """
select count(*) as events, count(distinct number) as numbers, coalesce(min(number), 1) as first,
       coalesce(max(number), 0) as last
  from (select s.first_number + e.n - 1 as number
          from event_sets s join events e on e.tenant_id = s.tenant_id and e.set_id = s.id where s.tenant_id = $1) n
"""
DEAD_LETTERS = "select sweep, row_id, error from dead_letters where tenant_id = $1"
_OF_STATUS = {"PROCESSING": ("ORDER.PROCESSING",), "FILLED": ("ORDER.PROCESSING", "ORDER.FILLED")}


@dataclass
class Findings:
    """What is not as it was acknowledged, as sentences. `lost` has one for each acknowledged write."""

    lost: dict[str, str] = field(default_factory=dict[str, str])
    doubled: list[str] = field(default_factory=list[str])
    events_lost: list[str] = field(default_factory=list[str])
    others: list[str] = field(default_factory=list[str])
    proof: Proof | None = None

    @property
    def sentences(self) -> list[str]:
        """All of it, each sentence with its kind."""
        laws = self.proof.findings if self.proof is not None else ("nothing was proved",)
        return [
            *(f"lost: {text}" for text in self.lost.values()),
            *(f"doubled: {text}" for text in self.doubled),
            *(f"event lost: {text}" for text in self.events_lost),
            *self.others,
            *(f"law broken: {finding}" for finding in laws),
        ]

    @property
    def clean(self) -> bool:
        proved = self.proof is not None and self.proof.clean
        return proved and not (self.lost or self.doubled or self.events_lost or self.others)


@dataclass(slots=True)
class _Stored:
    """What the tenant's database holds."""

    orders: dict[str, asyncpg.Record]
    references: Counter[str]
    topups: dict[str, asyncpg.Record]
    events: dict[tuple[str, str], int]
    sequence: asyncpg.Record
    dead_letters: list[str]


async def wait_for_rest(database: Database, tenant_id: UUID, seconds: float = QUIET_SECONDS) -> None:
    """Until the workers have done what was left. Raises: TimeoutError, which tells what waits for whom."""
    try:
        async with asyncio.timeout(seconds):
            while await database.read(tenant_id, lambda unit: unit.connection.fetchval(UNREST, tenant_id)):
                await asyncio.sleep(0.25)
    except TimeoutError:
        left = await what_is_left(database, tenant_id)
        raise TimeoutError(f"work is left after {seconds:g} s:\n{left}") from None


async def check(
    journal: Read, database: Database, tenant_id: UUID, wire: Wire, *, replayed: Collection[str] | None = None
) -> Findings:
    """Everything that was acknowledged, and nothing else, is there once, with its news; the books are proved.

    `replayed` are the keys that are sent again; None: all of them.
    """
    found = Findings()
    stored = await database.read(tenant_id, _read)
    _check_orders(journal, stored, found)
    _check_topups(journal, stored, found)
    _check_cancels(journal, stored, found)
    _check_events(journal, stored, found)
    if journal.unknown:
        found.others.append(f"{len(journal.unknown)} requests were never settled")
    found.others += [f"set aside: {row}" for row in stored.dead_letters]
    found.others += [f"news: {text}" for text in await database.read(tenant_id, untold_states)]
    found.others += [
        f"refused with {status}: {content}" for intent, status, content in journal.refused if intent.kind != "cancel"
    ]
    await _replay(journal, wire, found, replayed)
    found.proof = await prove_tenant(database, tenant_id, catalog.INVARIANTS)
    return found


async def _read(unit: Unit) -> _Stored:
    connection, tenant_id = unit.connection, unit.tenant_id
    orders = await connection.fetch(ORDERS, tenant_id)
    sequence = await connection.fetchrow(SEQUENCE, tenant_id)
    assert sequence is not None
    return _Stored(
        {str(row["id"]): row for row in orders},
        Counter(row["client_reference"] for row in orders),
        {str(row["id"]): row for row in await connection.fetch(TOPUPS, tenant_id)},
        {(str(r["object_id"]), r["type"]): r["times"] for r in await connection.fetch(EVENTS, tenant_id)},
        sequence,
        [str(tuple(row.values())) for row in await connection.fetch(DEAD_LETTERS, tenant_id)],
    )


def _check_orders(journal: Read, stored: _Stored, found: Findings) -> None:
    known: set[str] = set()
    for one in journal.of("order"):
        known.add(one.object_id)
        row = stored.orders.get(one.object_id)
        if row is None:
            found.lost[one.intent.key] = f"order {one.object_id}"
        elif not _same_order(one.intent.body, row):
            found.lost[one.intent.key] = f"order {one.object_id} is not what was asked for"
    found.doubled += [f"{times} orders {name}" for name, times in stored.references.items() if times > 1]
    unasked = set(stored.orders) - known
    if unasked and not journal.unknown:
        found.doubled.append(f"{len(unasked)} orders that nobody was told of, such as {min(unasked)}")


def _same_order(body: dict[str, Any], row: asyncpg.Record) -> bool:
    for name in ("cash_amount", "quantity", "limit_price"):
        asked = body.get(name)
        if (None if asked is None else Decimal(asked)) != row[name]:
            return False
    return all(str(row[name]) == body[name] for name in ("client_reference", "account_id", "user_id"))


def _check_topups(journal: Read, stored: _Stored, found: Findings) -> None:
    known: set[str] = set()
    for one in journal.of("topup"):
        known.add(one.object_id)
        row, body = stored.topups.get(one.object_id), one.intent.body
        if row is None:
            found.lost[one.intent.key] = f"top-up {one.object_id}"
        elif (str(row["account_group_id"]), row["cash_amount"]) != (
            body["account_group_id"],
            Decimal(body["cash_amount"]),
        ):
            found.lost[one.intent.key] = f"top-up {one.object_id} is not what was asked for"
    extra = set(stored.topups) - known - _before(stored.topups)
    if extra and not journal.unknown:
        found.doubled.append(f"{len(extra)} top-ups that nobody was told of, such as {min(extra)}")


def _before(topups: dict[str, asyncpg.Record]) -> set[str]:
    """The top-ups everyone had at the beginning, far larger than any of the load."""
    return {topup_id for topup_id, row in topups.items() if row["cash_amount"] >= 1_000_000}


def _check_cancels(journal: Read, stored: _Stored, found: Findings) -> None:
    for one in journal.of("cancel"):
        row = stored.orders.get(one.object_id)
        cancelled = row is not None and row["status"] == "CANCELLED"
        if not cancelled and not stored.events.get((one.object_id, "ORDER_CANCELLATION.REJECTED")):
            found.lost[one.intent.key] = f"cancellation of order {one.object_id}"


def _check_events(journal: Read, stored: _Stored, found: Findings) -> None:
    def expect(object_id: str, types: Iterable[str]) -> None:
        for event_type in types:
            times = stored.events.get((object_id, event_type), 0)
            if times == 0:
                found.events_lost.append(f"{event_type} of {object_id}")
            elif times > 1:
                found.doubled.append(f"{times} times {event_type} of {object_id}")

    for one in journal.of("order"):
        expect(one.object_id, ["ORDER.NEW"])
    for one in journal.of("topup"):
        expect(one.object_id, ["TOPUP.CONFIRMED"])
    for order_id, row in stored.orders.items():
        expect(order_id, ["ORDER.CANCELLED"] if row["status"] == "CANCELLED" else _OF_STATUS.get(row["status"], ()))
    facts = stored.sequence
    if not facts["events"] == facts["numbers"] == facts["last"] - facts["first"] + 1 or facts["first"] != 1:
        found.events_lost.append(f"the sequence has a gap: {dict(facts)}")


async def _replay(journal: Read, wire: Wire, found: Findings, keys: Collection[str] | None) -> None:
    """Keys again: the same bytes as at first."""
    gate = asyncio.Semaphore(REPLAYS_AT_ONCE)

    async def one(ack: Acknowledged, target: str) -> None:
        async with gate:
            reply = await wire.send("POST", target, json.dumps(ack.intent.body).encode(), ack.intent.key)
        if not 200 <= reply.status < 300 or digest_of(reply.content) != ack.digest:
            found.lost.setdefault(ack.intent.key, f"the answer under key {ack.intent.key}, now {reply.status}")

    targets: Sequence[tuple[Any, str]] = (("order", "/orders"), ("topup", "/payments/topups"))
    asked = [(ack, target) for kind, target in targets for ack in journal.of(kind)]
    await asyncio.gather(*(one(ack, target) for ack, target in asked if keys is None or ack.intent.key in keys))
