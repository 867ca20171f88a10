"""A life that is the same whenever it is lived: requests in order, keys included, on a clock that stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from openvest.core.clock import parse_instant
from openvest.core.ids import deterministic_id
from tests.kit.people import FIT, GERMAN_TAX_NUMBER, KYC, USER
from tests.kit.wire import Reply
from tests.stateful.storms import Door

FROZEN_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""A Monday morning in session."""
FIXED = "IE00B3XXRP09"
"""Offer 115.05, bid 113.03, always: a limit away from it rests for ever."""
MOVING = ("DE000A1EWWW0", "DE0008404005", "DE0007164600")
"""Shares whose price goes along the simulated path."""
RESTING, EXPIRING = 90, 20
"""How many are placed; prices that move take some of the resting ones, at least 50 stay to the end."""


ACTIVE_SECONDS = 60


@dataclass(slots=True)
class Steps:
    """Requests one after the other, each at the next door, each under a key that follows from its number."""

    doors: Sequence[Door]
    number: int = 0

    async def send(self, method: str, target: str, body: Any = None) -> Any:
        """A request that must succeed. Raises: AssertionError."""
        self.number += 1
        key = deterministic_id("repeat", self.number)
        reply: Reply = await self.doors[self.number % len(self.doors)](method, target, body, key)
        assert 200 <= reply.status < 300, (method, target, body, reply)
        return json.loads(reply.content) if reply.content else None

    async def post(self, target: str, body: Any) -> Any:
        return await self.send("POST", target, body)

    async def get(self, target: str) -> Any:
        return await self.send("GET", target)

    async def advance(self, **where: str) -> None:
        """Move the clock, however long it takes."""
        said = await self.post("/tests/clock/advance", where)
        while not said["done"]:
            said = await self.get("/tests/clock")


@dataclass(slots=True)
class Person:
    """A customer and what an order of theirs is made of."""

    steps: Steps
    user_id: str
    group_id: str
    account_id: str

    async def order(self, isin: str, side: str, **fields: Any) -> str:
        body = {
            "user_id": self.user_id,
            "account_id": self.account_id,
            "instrument_id": isin,
            "instrument_id_type": "ISIN",
            "side": side,
            **fields,
        }
        return str((await self.steps.post("/orders", body))["id"])

    async def top_up(self, amount: str) -> None:
        body = {"account_group_id": self.group_id, "cash_amount": amount, "currency": "EUR"}
        await self.steps.post("/payments/topups", body)

    async def until_active(self) -> None:
        """Wait until a worker has checked the user, on a clock that runs. Raises: TimeoutError."""
        async with asyncio.timeout(ACTIVE_SECONDS):
            while (await self.steps.get(f"/accounts/{self.account_id}"))["status"] != "ACTIVE":
                await asyncio.sleep(0.1)


async def onboard(steps: Steps, name: str) -> Person:
    """A customer from nothing; ACTIVE by the next request where the clock is frozen, else once a worker was there."""
    user = await steps.post("/users", USER | {"first_name": name, "email": f"{name.lower()}@example.org"})
    user_id = user["id"]
    for check in (KYC, FIT):
        await steps.post(f"/users/{user_id}/checks", check)
    residencies = [{"country": "DE", "tax_identifier_number": GERMAN_TAX_NUMBER}]
    await steps.post(f"/users/{user_id}/tax_residencies", {"tax_residencies": residencies})
    group = await steps.post("/account_groups", {"user_id": user_id, "type": "PERSONAL"})
    account = await steps.post(
        "/accounts", {"user_id": user_id, "account_group_id": group["id"], "type": "TRADING", "name": f"Of {name}"}
    )
    return Person(steps, user_id, group["id"], account["id"])


async def live(steps: Steps, *, resting: int = RESTING) -> None:
    """Customers, money, orders of every kind, resting ones and such that expire, and settlements left open."""
    known = await begin(steps, resting=resting)
    await everything_else(steps)
    await steps.advance(next_open="XETR")
    for person in known:
        await sell(person)
    for _ in range(12):
        await steps.advance(by="P1D")
        await known[0].order(MOVING[0], "BUY", cash_amount="50.00")
    await steps.advance(next_open="XETR")
    await steps.advance(by="PT1H")
    for person in known:
        await trade(person)


async def begin(steps: Steps, *, days_apart: int = 1, resting: int = RESTING) -> list[Person]:
    """Customers with money and shares, and orders that rest; `days_apart` is the time between expiries."""
    known = [await onboard(steps, name) for name in ("Ada", "Berta", "Clara")]
    for person in known:
        await person.top_up("100000.00")
    for person in known:
        await trade(person)
    await rest(known, resting)
    await expire(known, days_apart)
    return known


async def everything_else(steps: Steps) -> None:
    """Beside orders: scenarios, a lock, data that changes, money that comes and goes, an end."""
    emil, finn = await onboard(steps, "Emil"), await onboard(steps, "Finn")
    number = {"type": "NATIONAL_ID", "issuing_country": "DE", "identifier": ""}
    await steps.post(f"/users/{emil.user_id}/identifiers", number)
    await steps.post(f"/users/{emil.user_id}/data_change_requests", {"email": "emil.neu@example.org"})
    await steps.send("PATCH", f"/accounts/{emil.account_id}", {"name": "Renamed"})
    money = {"account_group_id": emil.group_id, "cash_amount": "20000.00", "currency": "EUR"}
    topup = await steps.post("/payments/topups", money)
    await steps.post("/tests/payments/transactions", transfer(f"topup {topup['settlement_reference']}", "20000.00"))
    gone = await steps.post("/payments/topups", money | {"cash_amount": "1.00"})
    await steps.send("DELETE", f"/payments/topups/{gone['id']}")
    for name in ("order_rejected", "order_partial_then_cancelled", "order_several_executions", "order_delayed"):
        await steps.post("/tests/scenarios", {"name": name, "on": {"account_id": emil.account_id}})
        await emil.order(MOVING[2], "BUY", quantity="7")
    await steps.post(f"/tests/accounts/{emil.account_id}/lock", {})
    await emil.order(FIXED, "BUY", cash_amount="100.00")
    await steps.post(f"/tests/accounts/{emil.account_id}/unlock", {})
    await steps.post("/tests/scenarios", {"name": "check_fails", "on": {"user_id": finn.user_id}})
    await steps.post(f"/users/{finn.user_id}/checks", FIT)
    await steps.send("DELETE", f"/accounts/{finn.account_id}")
    await steps.send("DELETE", f"/account_groups/{finn.group_id}")
    await steps.send("DELETE", f"/users/{finn.user_id}")


def transfer(text: str, amount: str) -> dict[str, Any]:
    """A bank transfer that arrives."""
    return {
        "account": {"iban": "NL70ABNA0106295004"},
        "amount": amount,
        "currency": "EUR",
        "client_reference": "repeat",
        "remittance_information": text,
        "counterparty_name": "Emil Beispiel",
        "counterparty_account": {"iban": "DE95500105173934555844"},
        "counterparty_agent": {"bic": "DEUTDEFF"},
    }


async def trade(person: Person) -> None:
    """Orders that are filled at once, one without money, one that is cancelled."""
    await person.order(FIXED, "BUY", cash_amount="1000.00")
    await person.order(FIXED, "BUY", quantity="7", order_type="LIMIT", limit_price="120.00")
    await person.order(MOVING[0], "BUY", quantity="3.5")
    await person.order(MOVING[1], "BUY", cash_amount="500.00")
    await person.order(MOVING[2], "BUY", quantity="4", order_type="STOP", stop_price="1.00")
    await person.order(FIXED, "BUY", cash_amount="9000000.00")
    await person.order(MOVING[1], "BUY", cash_amount="250.00", execution_flow="BLOCK")
    resting = await person.order(FIXED, "BUY", quantity="2", order_type="LIMIT", limit_price="90.00")
    await person.steps.send("DELETE", f"/orders/{resting}")


async def sell(person: Person) -> None:
    await person.order(FIXED, "SELL", quantity="2.5")
    await person.order(MOVING[0], "SELL", cash_amount="60.00")
    await person.order(FIXED, "SELL", quantity="3", order_type="LIMIT", limit_price="110.00")


async def rest(people: Sequence[Person], count: int) -> None:
    """LIMIT and STOP orders around the price of each share: some are touched on a later day, some never."""
    prices = {isin: await price(people[0].steps, isin) for isin in MOVING}
    for number in range(count):
        person, isin = people[number % len(people)], MOVING[number % len(MOVING)]
        away = Decimal(10 + number * RESTING // count) / 400
        if number % 2:
            stop = f"{prices[isin] * (1 + away):.2f}"
            await person.order(isin, "BUY", quantity="1", order_type="STOP", stop_price=stop)
        else:
            limit = f"{prices[isin] * (1 - away):.2f}"
            await person.order(isin, "BUY", quantity="1", order_type="LIMIT", limit_price=limit)


async def expire(people: Sequence[Person], days_apart: int) -> None:
    """Orders whose last day comes one after the other, weekends among them."""
    shown = await people[0].steps.get("/tests/clock")
    today = parse_instant(shown["now"]).date()
    for number in range(EXPIRING):
        person = people[number % len(people)]
        last = (today + timedelta(days=number % 10 * days_apart)).isoformat()
        limit = f"{80 + number}.00"
        await person.order(FIXED, "BUY", quantity="1", order_type="LIMIT", limit_price=limit, expiry_date=last)


async def price(steps: Steps, isin: str) -> Decimal:
    """What a buyer pays for an instrument at its first venue."""
    venues = (await steps.get(f"/instruments/isin:{isin}/venues"))["data"]
    found = await steps.get(f"/instruments/isin:{isin}/venues/{venues[0]['id']}/prices/latest")
    return Decimal(found["asks"][0]["price"])
