"""Storms of requests, whatever carries them, and what they must leave behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg

from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.ledger.chart import Key
from openvest.ledger.posting import read_balances
from tests.features.reference_accounts.sample import make_reference_account
from tests.kit.customers import Customer, top_up
from tests.kit.orders import X
from tests.kit.wire import Reply

AMOUNT = Decimal("10.00")
"""Each order of a storm asks for this much cash; its lock is exactly that, and its fill takes the whole lock."""
PAGE = 1000


class Door(Protocol):
    """One way into the program: a signed request and its reply."""

    def __call__(self, method: str, target: str, body: Any = None, key: UUID | None = None, /) -> Awaitable[Reply]: ...


@dataclass(slots=True)
class Told:
    """What a storm of orders was told, and what is read of it afterwards."""

    accepted: list[str] = field(default_factory=list[str])
    others: Counter[int] = field(default_factory=Counter[int])


def order_of(customer: Customer, reference: str, amount: Decimal = AMOUNT) -> dict[str, str]:
    """A MARKET order by cash amount."""
    return {
        "user_id": str(customer.user_id),
        "account_id": str(customer.account_id),
        "side": "BUY",
        "instrument_id": X,
        "instrument_id_type": "ISIN",
        "cash_amount": f"{amount:.2f}",
        "order_type": "MARKET",
        "client_reference": reference,
    }


async def storm_of_orders(doors: Sequence[Door], customer: Customer, count: int) -> Told:
    """So many orders at once, spread over the doors."""

    async def one(number: int) -> Reply:
        return await doors[number % len(doors)]("POST", "/orders", order_of(customer, f"storm {number}"), uuid4())

    told = Told()
    for reply in await asyncio.gather(*(one(number) for number in range(count))):
        if reply.status == 202:
            told.accepted.append(reply.json["id"])
        else:
            told.others[reply.status] += 1
    return told


async def listed(door: Door, account_id: UUID, status: str) -> list[dict[str, Any]]:
    """All orders of an account in a state, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        target = f"/accounts/{account_id}/orders?status={status}&offset={len(found)}&limit={PAGE}"
        reply = await door("GET", target)
        assert reply.status == 200, reply
        page = reply.json
        found += page["data"]
        if len(found) >= page["meta"]["total_count"] or not page["data"]:
            return found


async def until_decided(door: Door, account_id: UUID, wait_s: float) -> None:
    """Until no order of the account is on its way. Raises: TimeoutError."""
    async with asyncio.timeout(wait_s):
        while await _count(door, account_id, "NEW") or await _count(door, account_id, "PROCESSING"):
            await asyncio.sleep(0.1)


async def _count(door: Door, account_id: UUID, status: str) -> int:
    reply = await door("GET", f"/accounts/{account_id}/orders?status={status}&limit=1")
    assert reply.status == 200, reply
    return int(reply.json["meta"]["total_count"])


@dataclass(frozen=True, slots=True)
class Below:
    """A bucket that was below zero after a journal."""

    balance_id: int
    bucket: str
    journal_id: int
    amount: Decimal


BELOW_ZERO = Query(
    Below,
    """
    select balance_id, bucket, journal_id, running as amount
      from (select balance_id, bucket, journal_id, line,
                   sum(amount) over (partition by balance_id, bucket order by journal_id) as running
              from entries where tenant_id = $1 and balance_id is not null and bucket <> 'due') s
     where running < 0 order by journal_id, line
    """,
)
"""Journals of one balance are numbered under its lock, so their numbers are the order in which they were booked."""

KINDS = Query(
    asyncpg.Record,
    """
    select j.kind as kind, count(*) as journals, coalesce(sum(e.amount), 0) as amount
      from journals j
      join entries e on e.tenant_id = j.tenant_id and e.journal_id = j.id
      join balances b on b.tenant_id = e.tenant_id and b.id = e.balance_id
     where j.tenant_id = $1 and b.owner_id = $2 and b.asset = 'EUR' and e.bucket = 'locked'
     group by j.kind
    """,
)


async def below_zero(database: Database, tenant_id: UUID) -> list[Below]:
    """Every moment in the books at which a bucket of a customer was below zero."""
    return await database.read(tenant_id, lambda unit: unit.rows(BELOW_ZERO, tenant_id))


async def locks_in_books(database: Database, customer: Customer) -> dict[str, tuple[int, Decimal]]:
    """By kind of journal: how many touched what the group has locked, and by how much in all."""

    async def work(unit: Unit) -> dict[str, tuple[int, Decimal]]:
        found = await unit.connection.fetch(KINDS.sql, unit.tenant_id, customer.group_id)
        return {row["kind"]: (row["journals"], row["amount"]) for row in found}

    return await database.read(customer.tenant_id, work)


async def judge_orders(
    told: Told, doors: Sequence[Door], database: Database, customer: Customer, count: int, money_for: int
) -> None:
    """A storm of `count` orders with money for some of them: over HTTP and from the books. Raises: AssertionError."""
    assert not told.others and len(set(told.accepted)) == count, (len(told.accepted), told.others)
    filled = await listed(doors[0], customer.account_id, "FILLED")
    cancelled = await listed(doors[-1], customer.account_id, "CANCELLED")
    assert len(filled) == money_for
    assert len(cancelled) == count - money_for
    assert {o["cancellation_reason"] for o in cancelled} <= {"CANCELLED_BY_UPVEST_PLATFORM"}
    assert {order["id"] for order in filled + cancelled} == set(told.accepted)
    spent = AMOUNT * money_for
    assert sum(Decimal(execution["cash_amount"]) for order in filled for execution in order["executions"]) == spent
    locks = await locks_in_books(database, customer)
    assert locks.pop("ORDER_LOCK") == (money_for, spent), locks
    assert sum(amount for _, amount in locks.values()) == -spent, locks
    assert await below_zero(database, customer.tenant_id) == []


@dataclass(slots=True)
class Crowd:
    """What a storm of equal requests was told, by key."""

    bodies: dict[UUID, set[bytes]] = field(default_factory=dict[UUID, set[bytes]])
    statuses: Counter[int] = field(default_factory=Counter[int])
    waited: list[UUID] = field(default_factory=list[UUID])


async def storm_of_keys(doors: Sequence[Door], target: str, bodies: Sequence[Any], times: int) -> Crowd:
    """Each body under a key of its own, each sent so many times at once; whoever hears 409 asks again."""
    crowd = Crowd()
    keys = [uuid4() for _ in bodies]

    async def one(number: int, copy: int) -> None:
        key = keys[number]
        attempts = 0
        while True:
            reply = await doors[copy % len(doors)]("POST", target, bodies[number], key)
            crowd.statuses[reply.status] += 1
            if reply.status != 409 or attempts == 50:
                break
            attempts += 1
            crowd.waited.append(key)
            await asyncio.sleep(0.02 * attempts)
        if 200 <= reply.status < 300:
            crowd.bodies.setdefault(key, set()).add(reply.content)

    await asyncio.gather(*(one(number, copy) for copy in range(times) for number in range(len(bodies))))
    return crowd


async def judge_withdrawals(
    doors: Sequence[Door], database: Database, customer: Customer, count: int, money_for: int
) -> Counter[int]:
    """So many withdrawals at once against money for some of them: these pass, and no other. Returns the answers.

    A storm finds no room for all of it; who is told so asks again, with its key. Raises: AssertionError.
    """
    await top_up(database, customer, f"{AMOUNT * money_for + Decimal('9.99'):.2f}")
    account = await database.write(customer.tenant_id, lambda unit: make_reference_account(unit, customer.user_id))
    wanted = {
        "user_id": str(customer.user_id),
        "account_group_id": str(customer.group_id),
        "reference_account_id": str(account.id),
        "amount": f"{AMOUNT:.2f}",
        "currency": "EUR",
    }

    async def one(number: int) -> int:
        key = uuid4()
        while True:
            reply = await doors[number % len(doors)]("POST", "/payments/withdrawals", wanted, key)
            if reply.status not in (429, 503):
                return reply.status
            await asyncio.sleep(0.05)

    told = Counter(await asyncio.gather(*(one(number) for number in range(count))))
    assert told == {200: money_for, 422: count - money_for}, told
    key = Key(customer.group_id, "EUR")
    balance = (await database.read(customer.tenant_id, lambda unit: read_balances(unit, [key])))[key]
    assert (balance.withdrawing, balance.available) == (AMOUNT * money_for, Decimal("9.99"))
    assert await below_zero(database, customer.tenant_id) == []
    return told
