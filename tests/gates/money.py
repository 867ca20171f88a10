"""Money under attack: spent once, sold once, whatever arrives at once at however many processes (R13, R14)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from openvest import catalog
from openvest.db.unit import Database
from openvest.ledger.audit import prove_tenant
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.customers import Customer
from tests.kit.stage import free_ports, staged
from tests.kit.wire import Reply, Wire
from tests.repeat.life import Steps, onboard
from tests.stateful import storms
from tests.stateful.storm import SCOPE
from tests.stateful.storms import AMOUNT, Door, order_of

DECIDED_SECONDS = 120
PRICE_WITH_BUFFER = Decimal("150.00")
"""More than one unit of the storm's instrument costs at pace `instant`, buffer included."""


@dataclass(frozen=True, slots=True)
class Field:
    """Two servers and two workers over one database, a client of many connections, one customer."""

    doors: Sequence[Door]
    database: Database
    customer: Customer
    steps: Steps
    person: Any

    async def decided(self) -> list[str]:
        """Wait until every order is decided; what is not by then is a finding."""
        try:
            await storms.until_decided(self.doors[1], self.customer.account_id, DECIDED_SECONDS)
        except TimeoutError:
            return [f"orders are not decided after {DECIDED_SECONDS} s"]
        return []

    async def findings(self) -> list[str]:
        """What is wrong with the books. Every moment of every bucket is looked at, not only the last."""
        below = await storms.below_zero(self.database, self.customer.tenant_id)
        proof = await prove_tenant(self.database, self.customer.tenant_id, catalog.INVARIANTS)
        return [*(f"below zero: {moment}" for moment in below), *(f"law broken: {f}" for f in proof.findings)]


@asynccontextmanager
async def field_of(clients: int) -> AsyncGenerator[Field]:
    ports = free_ports(2)
    async with staged() as stage:
        await stage.start("serve", "serve", "--port", str(ports[0]))
        await stage.start("server", "server", "--port", str(ports[1]))
        await stage.start("worker", "worker")
        known = stage.create_client("Storm", "--pace", "instant", "--licence", "TOL")
        limits = aiohttp.TCPConnector(limit=clients)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=120)
        async with aiohttp.ClientSession(connector=limits, timeout=timeout) as http, stage.database() as database:
            doors: list[Door] = [Wire(http, f"http://127.0.0.1:{port}", known, SCOPE).send for port in ports]
            steps = Steps(doors)
            person = await onboard(steps, "Rich")
            await person.until_active()
            ids = (UUID(person.user_id), UUID(person.group_id), UUID(person.account_id))
            yield Field(doors, database, Customer(known.tenant_id, *ids), steps, person)


async def double_spend(run: Run) -> Verdict:
    """Orders for the same money, far more than there is."""
    attempts, money_for = run["attempts"], run["money_for"]
    async with field_of(run["clients"]) as field:
        await field.person.top_up(f"{AMOUNT * money_for + Decimal('9.99'):.2f}")
        told = await storms.storm_of_orders(field.doors, field.customer, attempts)
        undecided = await field.decided()
        findings = [*await field.findings(), *undecided]
        filled = await storms.listed(field.doors[0], field.customer.account_id, "FILLED")
        figure = f"{attempts} orders at once with money for {money_for}: {len(filled)} filled"
        try:
            await storms.judge_orders(told, field.doors, field.database, field.customer, attempts, money_for)
        except AssertionError as error:
            findings.append(f"the storm: {str(error)[:500] or 'not as many as there was money for'}")
        return Verdict(figure, findings)


async def sell_storm(run: Run) -> Verdict:
    """Sales of the same units, far more than there are."""
    attempts, units_for = run["attempts"], run["units_for"]
    async with field_of(run["clients"]) as field:
        customer = field.customer
        await field.person.top_up(f"{PRICE_WITH_BUFFER * units_for:.2f}")
        body = {**order_of(customer, "stock"), "quantity": str(units_for)}
        del body["cash_amount"]
        assert (await field.doors[0]("POST", "/orders", body, uuid4())).status == 202
        findings = await field.decided()

        async def sell(number: int) -> Reply:
            sale = {**order_of(customer, f"sale {number}"), "side": "SELL", "quantity": "1"}
            del sale["cash_amount"]
            return await field.doors[number % 2]("POST", "/orders", sale, uuid4())

        replies = await asyncio.gather(*(sell(number) for number in range(attempts)))
        findings += [f"a sale was answered {reply.status}" for reply in replies if reply.status != 202]
        undecided = await field.decided()
        filled = await storms.listed(field.doors[0], customer.account_id, "FILLED")
        sold = [order for order in filled if order["side"] == "SELL"]
        findings += await field.findings()
        if len(sold) != units_for:
            findings.append(f"{len(sold)} sales filled where there were {units_for} units")
        findings += undecided
        return Verdict(f"{attempts} sales at once of {units_for} units: {len(sold)} filled", findings)


GATES = (
    Gate(
        "R13 double-spend",
        "money is spent once",
        double_spend,
        push={"attempts": 5_000, "money_for": 1_313, "clients": 64},
        night={"attempts": 20_000, "money_for": 5_313, "clients": 512},
    ),
    Gate(
        "R14 double-sale",
        "units are sold once",
        sell_storm,
        push={"attempts": 2_000, "units_for": 613, "clients": 64},
        night={"attempts": 10_000, "units_for": 2_613, "clients": 512},
    ),
)
