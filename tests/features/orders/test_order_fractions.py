"""Whoever holds a fraction can sell it, and everybody can close the account, whatever became of the instrument."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openvest import catalog
from openvest.core.problems import Problem
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model import Account
from openvest.features.orders.model import OrderDetails
from openvest.features.orders.rules import NotFractional, TooManyDecimals
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.cluster import Cluster
from tests.kit.imports import NEW, bring, owner_of, quote
from tests.kit.orders import Trader, make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PLATFORM = ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
MANY = {"DE0007164600": ("1.5", 0), "DE000A1EWWW0": ("0.1234567891", 0), "DE0008404005": ("1.23456", 2)}
"""How much of each is bought while it has ten decimals, and how many it has afterwards."""


@dataclass
class Stage:
    """A frozen tenant at a pace, and the owner who imports."""

    trader: Trader
    owner: asyncpg.Connection[asyncpg.Record]

    async def order(self, days: int = 4, **fields: Any) -> OrderDetails:
        """An order and what became of it some days later."""
        (order,) = await self.orders([{"isin": NEW} | fields], days)
        return order

    async def orders(self, each: Sequence[Mapping[str, Any]], days: int = 4) -> list[OrderDetails]:
        """The same for many."""
        answers = await self.trader.place_all([self.trader.wanted(**fields) for fields in each])
        for answer in answers:
            if isinstance(answer, Problem):
                raise answer
        await self.later(days=days)
        return [await self.trader.read(answer.id) for answer in answers if not isinstance(answer, Problem)]

    async def later(self, **by: Any) -> None:
        now = (await self.trader.world.clockwork.show(self.trader.customer.tenant_id)).now
        await self.trader.advance_to(now + timedelta(**by))

    async def closed(self) -> Account:
        """The account some days after somebody has asked for its end."""
        write, customer = self.trader.world.database.write, self.trader.customer
        await write(customer.tenant_id, lambda unit: accounts.close_account(unit, customer.account_id))
        await self.later(days=4)
        return await self.account()

    async def account(self) -> Account:
        customer = self.trader.customer
        return await self.trader.world.database.read(
            customer.tenant_id, lambda unit: accounts.get_account(unit, customer.account_id)
        )

    async def proved(self) -> None:
        proof = await prove_tenant(self.trader.world.database, self.trader.customer.tenant_id, catalog.INVARIANTS)
        assert proof.clean, proof

    async def dust(self) -> list[str]:
        """What left as dust."""
        events = [one for one in await self.trader.events() if one.type == "SECURITY_TRANSACTION.EXECUTED"]
        return [one.snapshot["delta"] for one in events if one.snapshot["type"] == "DUST_CLEANUP"]


@asynccontextmanager
async def staged(cluster: Cluster, world: Assembled, pace: str, at: datetime = MONDAY_MORNING) -> AsyncGenerator[Stage]:
    async with owner_of(cluster, world.database) as owner:
        await bring(owner)
        tenant_id = await make_tenant(world.database, "Fractions", pace=pace, frozen_at=at)
        yield Stage(await make_trader(world, tenant_id), owner)


@pytest.fixture
async def stage(cluster: Cluster, assembled: Assembled) -> AsyncGenerator[Stage]:
    async with staged(cluster, assembled, "calendar") as found:
        yield found


@pytest.mark.parametrize("pace", ["instant", "calendar"])
async def test_all_of_every_fraction_is_sold_and_the_account_closed(
    cluster: Cluster, assembled: Assembled, pace: str
) -> None:
    async with staged(cluster, assembled, pace) as stage:
        trader = stage.trader

        async def open_one(unit: Unit) -> UUID:
            customer = trader.customer
            return (await accounts.create_account(unit, customer.user_id, customer.group_id, "TRADING")).id

        other = await trader.world.database.write(trader.customer.tenant_id, open_one)
        for isin in MANY:
            await bring(stage.owner, isin)
        await stage.later(days=1)
        await stage.orders([{"isin": isin, "quantity": bought} for isin, (bought, _) in MANY.items()])
        second = replace(trader, customer=replace(trader.customer, account_id=other))
        await replace(stage, trader=second).order(isin=next(iter(MANY)), quantity="0.7")
        for isin, (_, decimals) in MANY.items():
            await bring(stage.owner, isin, decimals=decimals)
        sold = await stage.orders([{"isin": i, "side": "SELL", "quantity": held} for i, (held, _) in MANY.items()])
        also = await replace(stage, trader=second).order(isin=next(iter(MANY)), side="SELL", quantity="0.7")
        assert [one.status for one in (*sold, also)] == ["FILLED"] * 4
        assert [sum(fill.quantity for fill in one.executions) for one in sold] == [Decimal(q) for q, _ in MANY.values()]
        assert (await stage.closed()).status == "CLOSED"
        await stage.proved()


async def test_a_fraction_is_sold_in_parts_and_by_amount_until_whole_units_are_left(stage: Stage) -> None:
    await stage.order(quantity="3.75")
    await bring(stage.owner, decimals=0)
    sold = await stage.orders(
        [{"isin": NEW, "side": "SELL", **how} for how in ({"quantity": "0.25"}, {"cash_amount": "40.00"})]
    )
    assert [one.status for one in sold] == ["FILLED", "FILLED"]
    assert sold[1].executions[0].cash_amount == Decimal("40.00"), "it comes out to the cent"
    odd = (Decimal("3.5") - sold[1].executions[0].quantity) % 1
    assert (await stage.order(side="SELL", quantity=str(odd))).status == "FILLED"
    with pytest.raises(NotFractional, match=r"whole units only\. The account .* it can sell what it has available: 3"):
        await stage.order(side="SELL", quantity="0.5")
    with pytest.raises(NotFractional, match="whole units only"):
        await stage.order(quantity="0.5")
    await bring(stage.owner, decimals=2)
    with pytest.raises(TooManyDecimals, match=r"at most 2 decimals\. .* available: 3"):
        await stage.order(side="SELL", quantity="0.255")
    await stage.proved()


async def test_a_purchase_that_waits_for_the_open_is_held_against_the_new_rule(
    cluster: Cluster, assembled: Assembled
) -> None:
    async with staged(cluster, assembled, "calendar", MONDAY_MORNING.replace(hour=20)) as stage:
        wants = ({"quantity": "1.5"}, {"quantity": "2"}, {"cash_amount": "250.00"})
        placed = await stage.orders([{"isin": NEW, **how} for how in wants], days=0)
        assert [one.status for one in placed] == ["NEW"] * 3
        await bring(stage.owner, decimals=0)
        await stage.later(minutes=1)
        assert [(await stage.trader.read(one.id)).status for one in placed] == ["CANCELLED", "NEW", "NEW"]
        await stage.later(days=4)
        found = [await stage.trader.read(one.id) for one in placed]
        assert [(one.status, one.cancellation_reason) for one in found] == [PLATFORM, *[("FILLED", None)] * 2]
        bought = [sum(fill.quantity for fill in one.executions) for one in found]
        assert bought[:2] == [0, 2]
        assert bought[2] == int(bought[2]) > 0
        assert (await stage.trader.cash()).split(" / ")[1] == "0.00"
        await stage.proved()


# Closing


async def test_only_dust_leaves_when_the_account_closes(cluster: Cluster, assembled: Assembled) -> None:
    async with staged(cluster, assembled, "instant") as stage:
        await bring(stage.owner, "DE0007164600")
        await stage.orders([{"isin": NEW, "quantity": "1.00009"}, {"isin": "DE0007164600", "quantity": "0.0002"}])
        await stage.order(side="SELL", quantity="1")
        assert await stage.dust() == []
        assert (await stage.closed()).status == "CLOSING", "what is worth a cent or more can be sold"
        assert await stage.dust() == ["-0.00009"]
        assert (await stage.order(isin="DE0007164600", side="SELL", quantity="0.0002")).status == "FILLED"
        assert (await stage.account()).status == "CLOSED"
        await stage.proved()


async def test_what_becomes_dust_later_leaves_at_midnight(cluster: Cluster, assembled: Assembled) -> None:
    """Looked at when the account begins to close and once a day; a year in one step is the same as day by day."""
    async with owner_of(cluster, assembled.database) as owner:
        await bring(owner)
        await quote(owner, "2026-03-02T09:00:00Z 100.00 100.00", "2026-03-05T12:00:00Z 10.00 10.00")
        told: list[list[tuple[str, datetime]]] = []
        for name in ("In one step", "In many"):
            tenant_id = await make_tenant(assembled.database, name, pace="calendar", frozen_at=MONDAY_MORNING)
            stage = Stage(await make_trader(assembled, tenant_id), owner)
            await stage.order(days=1, quantity="1.0005")
            await stage.trader.place(isin=NEW, side="SELL", quantity="1")
            write, customer = assembled.database.write, stage.trader.customer
            await write(tenant_id, lambda unit, c=customer: accounts.close_account(unit, c.account_id))
            for _ in range(1 if name == "In one step" else 6):
                await stage.later(hours=90 if name == "In one step" else 15)
            assert await stage.dust() == ["-0.0005"]
            await stage.proved()
            found = [one for one in await stage.trader.events() if one.type.startswith(("ACCOUNT.C", "SECURITY_"))]
            told.append([(one.type, one.created_at) for one in found])
        assert told[0] == told[1]
        assert told[0][-1][1].date() == datetime(2026, 3, 6, tzinfo=UTC).date(), (
            "the midnight after it has settled and its price has fallen"
        )


async def test_what_cannot_be_traded_keeps_the_account_open(stage: Stage) -> None:
    await stage.order(quantity="1")
    await bring(stage.owner, status="INACTIVE")
    assert (await stage.order(side="SELL", quantity="1")).status == "CANCELLED"
    assert (await stage.closed()).status == "CLOSING"
    await bring(stage.owner)
    assert (await stage.order(side="SELL", quantity="1")).status == "FILLED"
    assert (await stage.account()).status == "CLOSED"
    await stage.proved()
