"""What becomes of an account, its group or its user ends, wakes or decides the orders on it, whenever it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from openvest import catalog
from openvest.core.problems import Problem
from openvest.db.unit import Unit
from openvest.declarations import Sweep
from openvest.features.accounts import service as accounts
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderDetails
from openvest.features.users import service as users
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.elsewhere import elsewhere
from tests.kit.orders import Trader, make_trader
from tests.kit.scripted import script
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PLATFORM = ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
CHECK = next(work for work in catalog.WORKS if work.name == "orders.check")
ENDING = [f"{noun}.{news}" for noun in ("ACCOUNT", "ACCOUNT_GROUP") for news in ("CLOSING_INITIATED", "LOCKED")]
"""Events of what ends orders."""
Step = Callable[[Unit, Customer], Awaitable[Any]]


async def a_trader(world: Assembled, pace: str = "instant") -> Trader:
    return await make_trader(world, await make_tenant(world.database, "Frozen", pace=pace, frozen_at=MONDAY_MORNING))


async def live(world: Assembled) -> Trader:
    """A customer of a tenant whose clock runs, so that units meet."""
    tenant_id = await make_tenant(world.database, "Live", pace="instant")
    trader = Trader(world, await make_customer(world.database, tenant_id))
    await world.runner.run_until_quiet(tenant_id)
    await top_up(world.database, trader.customer, "1000.00")
    return trader


async def do(trader: Trader, *steps: Step) -> None:
    async def work(unit: Unit) -> None:
        for step in steps:
            await step(unit, trader.customer)

    await trader.world.database.write(trader.customer.tenant_id, work)


async def deactivate(unit: Unit, customer: Customer) -> None:
    await users.deactivate_user(unit, await users.user_for_update(unit, customer.user_id))


async def activate(unit: Unit, customer: Customer) -> None:
    await users.activate_user(unit, await users.user_for_update(unit, customer.user_id))


async def offboard(unit: Unit, customer: Customer) -> None:
    await users.offboard_user(unit, customer.user_id)


async def lock(unit: Unit, customer: Customer) -> None:
    await accounts.lock_account(unit, customer.account_id)


async def lock_group(unit: Unit, customer: Customer) -> None:
    await accounts.lock_account_group(unit, customer.group_id)


async def close(unit: Unit, customer: Customer) -> None:
    await accounts.close_account(unit, customer.account_id)


async def close_group(unit: Unit, customer: Customer) -> None:
    await accounts.close_account_group(unit, customer.group_id)


async def accept(trader: Trader, **fields: Any) -> OrderDetails:
    """An order as accepted, nothing done about it yet."""

    async def work(unit: Unit) -> list[OrderDetails | Problem]:
        return await orders.place_orders(unit, [trader.wanted(**fields)])

    (answer,) = await trader.world.database.write(trader.customer.tenant_id, work)
    assert isinstance(answer, OrderDetails)
    return answer


async def stands(trader: Trader, order: OrderDetails) -> tuple[str, str | None]:
    found = await trader.read(order.id)
    return found.status, found.cancellation_reason


async def assert_proved(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof


# What wakes


@pytest.mark.parametrize(("step", "then"), [(activate, ("FILLED", None)), (offboard, PLATFORM)])
async def test_an_order_that_waits_for_its_user_alone_is_woken(
    assembled: Assembled, step: Step, then: tuple[str, str | None]
) -> None:
    """The account was active all the while, so only the user's own news can wake the order."""
    trader = await a_trader(assembled)
    await do(trader, deactivate)
    order = await trader.place(cash_amount="100.00")
    assert await stands(trader, order) == ("NEW", None)
    await do(trader, step)
    await trader.rest()
    assert await stands(trader, order) == then
    await assert_proved(trader)


async def test_an_activation_of_the_user_alone_during_the_check_is_not_missed(assembled: Assembled) -> None:
    trader = await live(assembled)
    await do(trader, deactivate)
    order = await accept(trader, cash_amount="100.00")
    running: list[asyncio.Task[None]] = []

    async def decide(unit: Unit) -> None:
        assert isinstance(CHECK, Sweep)
        await CHECK.work(unit, await CHECK.claim(unit, 10))
        running.append(asyncio.create_task(elsewhere(do(trader, activate))))
        await asyncio.sleep(0.3)

    await assembled.database.write(trader.customer.tenant_id, decide)
    await asyncio.gather(*running)
    await assembled.runner.run_until_quiet(trader.customer.tenant_id)
    assert await stands(trader, order) == ("FILLED", None)


# What ends


@pytest.mark.parametrize("step", [lock, lock_group])
async def test_a_lock_ends_all_that_rests_and_waits(assembled: Assembled, step: Step) -> None:
    trader = await a_trader(assembled, "calendar")
    bought = await trader.place(quantity="2")
    assert bought.status == "FILLED"
    resting = [
        await trader.place(quantity="1", order_type="LIMIT", limit_price="90.00"),
        await trader.place(quantity="1", order_type="STOP", stop_price="400.00"),
        await trader.place(side="SELL", quantity="1", order_type="LIMIT", limit_price="400.00"),
        await trader.place(cash_amount="100.00", execution_flow="BLOCK"),
    ]
    assert [(await trader.read(o.id)).status for o in resting] == ["PROCESSING"] * 3 + ["NEW"]
    await do(trader, step)
    await trader.rest()
    assert [await stands(trader, order) for order in resting] == [PLATFORM] * 4
    assert await trader.cash() == "769.90 / 0.00 / 0.00 / 769.90 / 769.90"
    assert await trader.event_types("ORDER_CANC") == []
    await assert_proved(trader)


# What decides, where it comes during the check


@pytest.mark.parametrize("step", [close, close_group, lock, lock_group])
async def test_an_order_that_comes_while_its_account_is_being_closed_sees_it(assembled: Assembled, step: Step) -> None:
    """It is accepted after the closing has ended what was open, and checked before the closing is committed."""
    trader = await live(assembled)
    script(assembled, ends=False)
    placed: list[OrderDetails] = []
    checking: list[asyncio.Task[int]] = []

    async def meanwhile(unit: Unit) -> None:
        ours = any(unit.emitted(event_type, 0, unit.event_count) for event_type in ENDING)
        if ours and not placed:
            placed.append(await elsewhere(accept(trader, cash_amount="100.00")))
            checking.append(asyncio.create_task(elsewhere(assembled.runner.run_until_quiet(trader.customer.tenant_id))))
            await asyncio.sleep(0.3)

    assembled.database.before_events = (*assembled.database.before_events, meanwhile)
    await do(trader, step)
    await asyncio.gather(*checking)
    await assembled.runner.run_until_quiet(trader.customer.tenant_id)
    assert await stands(trader, placed[0]) == PLATFORM
    await assert_proved(trader)


@pytest.mark.parametrize("step", [close, close_group, lock, lock_group])
async def test_a_closing_does_not_wait_for_the_check_which_waits_for_it(assembled: Assembled, step: Step) -> None:
    trader = await live(assembled)
    order = await accept(trader, cash_amount="100.00")

    async def check(unit: Unit) -> None:
        assert isinstance(CHECK, Sweep)
        claimed = await CHECK.claim(unit, 10)
        await asyncio.wait_for(elsewhere(do(trader, step)), 5)
        await CHECK.work(unit, claimed)

    await assembled.database.write(trader.customer.tenant_id, check)
    assert await stands(trader, order) == PLATFORM
    await assert_proved(trader)
