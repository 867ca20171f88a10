"""The sweeps that close accounts and groups look at what they can close, however much else is closing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from openvest.core.problems import Problem
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.declarations import ClosingBlocker
from openvest.features.accounts import service, store, sweeps
from openvest.features.accounts.model import AccountGroup
from openvest.features.orders import service as orders
from openvest.main import Assembled
from openvest.work.dead_letters import add_dead_letter
from openvest.work.look import look
from tests.kit.customers import make_customer, top_up
from tests.kit.orders import Trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio


async def a_trader(world: Assembled) -> Trader:
    """A customer of a running tenant whose account has a unit."""
    tenant_id = await make_tenant(world.database, "Closing", pace="instant")
    trader = Trader(world, await make_customer(world.database, tenant_id))
    await world.runner.run_until_quiet(tenant_id)
    await top_up(world.database, trader.customer, "1000.00")

    async def buy(unit: Unit) -> Sequence[object | Problem]:
        return await orders.place_orders(unit, [trader.wanted(quantity="1")])

    await world.database.write(tenant_id, buy)
    await world.runner.run_until_quiet(tenant_id)
    return trader


async def closing_accounts(trader: Trader, count: int) -> list[UUID]:
    """The account that has a unit and so many empty ones, all of them CLOSING, in this order."""
    customer = trader.customer

    async def open_one(unit: Unit) -> UUID:
        return (await service.create_account(unit, customer.user_id, customer.group_id, "TRADING")).id

    write = trader.world.database.write
    made = [customer.account_id, *[await write(customer.tenant_id, open_one) for _ in range(count)]]
    for account_id in made:
        await write(customer.tenant_id, lambda unit, i=account_id: service.close_account(unit, i))
    return made


HELD = ClosingBlocker("dead_letters h where h.tenant_id = $1 and h.sweep = 'held' and h.row_id = a.id")
HELD_GROUP = ClosingBlocker("dead_letters h where h.tenant_id = $1 and h.sweep = 'held' and h.row_id = g.id", "group")
CLOSE, CLOSE_GROUPS = sweeps.closing([HELD, HELD_GROUP])
GROUPS = store.closing_groups([HELD_GROUP])


async def hold(unit: Unit, ids: Sequence[UUID]) -> None:
    """Something of a feature above is under way for these accounts."""
    for account_id in ids:
        await add_dead_letter(unit, "held", None, account_id, ValueError("is under way"))


async def claimed(unit: Unit) -> list[UUID]:
    return [account.id for account in await CLOSE.claim(unit, 1)]


async def test_accounts_that_are_held_hide_none_behind_them(assembled: Assembled) -> None:
    trader = await a_trader(assembled)
    _, *empty = await closing_accounts(trader, 6)
    tenant_id = trader.customer.tenant_id
    await assembled.database.write(tenant_id, lambda unit: hold(unit, empty[:4]))
    assert (await look(assembled.database, tenant_id, [CLOSE])).due
    assert await assembled.database.write(tenant_id, claimed) == [empty[4]]
    await assembled.database.write(tenant_id, lambda unit: hold(unit, empty[4:]))
    assert not (await look(assembled.database, tenant_id, [CLOSE])).due
    assert await assembled.database.write(tenant_id, claimed) == []


async def test_what_is_held_once_the_row_is_held_is_not_closed(assembled: Assembled) -> None:
    trader = await a_trader(assembled)
    _, empty = await closing_accounts(trader, 1)
    rows = Unit.rows

    async def held_after_the_first_look(unit: Unit, query: Query[Any], *args: Any) -> list[Any]:
        found = await rows(unit, query, *args)
        await hold(unit, [empty])
        return found

    async def claim(unit: Unit) -> list[UUID]:
        with patch.object(Unit, "rows", held_after_the_first_look):
            found = await claimed(unit)
        unit.abandon()
        return found

    assert await assembled.database.write(trader.customer.tenant_id, claim) == []
    assert await assembled.database.write(trader.customer.tenant_id, claimed) == [empty]


async def test_groups_that_have_something_left_are_not_claimed(assembled: Assembled) -> None:
    """Of three that close one has money, one an account; only the third can be closed."""
    tenant_id = await make_tenant(assembled.database, "Groups", pace="instant")
    rich, housed, bare = [await make_customer(assembled.database, tenant_id) for _ in range(3)]
    await assembled.runner.run_until_quiet(tenant_id)
    await top_up(assembled.database, rich, "10.00")
    for one in (rich, bare):
        await assembled.database.write(tenant_id, lambda unit, i=one.account_id: service.close_account(unit, i))
    await assembled.runner.run_until_quiet(tenant_id)
    assert not (await look(assembled.database, tenant_id, [CLOSE_GROUPS])).due
    for one in (rich, housed, bare):
        await assembled.database.write(tenant_id, lambda unit, i=one.group_id: service.close_account_group(unit, i))
    assert (await look(assembled.database, tenant_id, [CLOSE_GROUPS])).due

    async def claimed(unit: Unit) -> tuple[list[UUID], list[UUID]]:
        by_statement = await unit.rows(GROUPS.claim, tenant_id, 1)
        return [group.id for group in by_statement], [group.id for group in await CLOSE_GROUPS.claim(unit, 1)]

    assert await assembled.database.write(tenant_id, claimed) == ([bare.group_id], [bare.group_id])
    await assembled.database.write(tenant_id, lambda unit: hold(unit, [bare.group_id]))
    assert await assembled.database.write(tenant_id, claimed) == ([], [])
    await assembled.runner.run_until_quiet(tenant_id)
    assert not (await look(assembled.database, tenant_id, [CLOSE_GROUPS])).due


async def test_a_group_that_got_money_before_it_was_held_is_not_closed(assembled: Assembled) -> None:
    """The statement that claims saw the past: the group was empty then."""
    tenant_id = await make_tenant(assembled.database, "Late", pace="instant")
    customer = await make_customer(assembled.database, tenant_id)
    await top_up(assembled.database, customer, "10.00")
    await assembled.database.write(tenant_id, lambda unit: service.close_account(unit, customer.account_id))
    await assembled.runner.run_until_quiet(tenant_id)
    await assembled.database.write(tenant_id, lambda unit: service.close_account_group(unit, customer.group_id))
    rows = Unit.rows

    async def stale(unit: Unit, query: Query[Any], *args: Any) -> list[Any]:
        if query.row is not AccountGroup:
            return await rows(unit, query, *args)
        return await rows(unit, store.GROUP_FOR_UPDATE, unit.tenant_id, customer.group_id)

    async def claimed(unit: Unit) -> list[UUID]:
        with patch.object(Unit, "rows", stale):
            return [group.id for group in await CLOSE_GROUPS.claim(unit, 10)]

    assert await assembled.database.write(tenant_id, claimed) == []
