"""Work that cannot be decided: it hides nothing, its customer hears of it, and somebody ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.clock import WireClock
from openvest.core.ids import deterministic_id
from openvest.core.logs import Log
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit
from openvest.declarations import Sweep, WorkKept
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderDetails
from openvest.features.users.sweeps import fail_undecidable
from openvest.ledger.audit import Proof, prove_tenant
from openvest.main import Assembled
from openvest.ports.venue import VenueAnswer, VenueOrder
from openvest.work.dead_letters import DeadLetter, by_sweep, drop, forget_over, list_dead_letters, retry
from openvest.worker.housekeeping import keep_house
from tests.kit.banks import entry
from tests.kit.orders import Trader, make_trader
from tests.kit.scripted import ScriptedVenue, script

pytestmark = pytest.mark.anyio

DEAD_LETTER_KINDS = by_sweep(catalog.DEAD_LETTER_KINDS)
SPOIL = Statement("update orders set cash_amount = 'NaN' where tenant_id = $1 and id = $2")
REPAIR = Statement("update orders set cash_amount = 100 where tenant_id = $1 and id = $2")
SPOIL_REPORT = Statement("update venue_reports set price = 'NaN' where tenant_id = $1 and order_id = $2")
REPAIR_REPORT = Statement("update venue_reports set price = 100 where tenant_id = $1 and order_id = $2")
FIRST = Query(UUID, "select id from orders where tenant_id = $1 order by id::text limit 1")
SUSPENSE = Query(
    Decimal, "select sum(balance) as held from house_balances where tenant_id = $1 and bucket = 'suspense'"
)
ANY = Statement("insert into dead_letters (tenant_id, sweep, row_id, error, created_at) values ($1, $2, $3, 'E', $4)")


class Mute(ScriptedVenue):
    """A venue whose answers make no sense while it is broken; else it waits, and ends on request."""

    broken: bool = True

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        if self.broken:
            raise ValueError("a price of no number")
        return await ScriptedVenue.ask(self, orders)


class Stand:
    """A trader of a frozen tenant, and what an operator does."""

    def __init__(self, trader: Trader) -> None:
        self.trader, self.world = trader, trader.world
        self.tenant_id = trader.customer.tenant_id

    async def rows(self) -> list[DeadLetter]:
        return await self.world.database.read(
            self.tenant_id, lambda unit: list_dead_letters(unit, catalog.DEAD_LETTERS)
        )

    async def only(self) -> DeadLetter:
        (row,) = await self.rows()
        return row

    async def retry(self) -> None:
        row = await self.only()
        await self.world.database.write(self.tenant_id, lambda unit: retry(unit, DEAD_LETTER_KINDS[row.sweep], row))
        await self.trader.rest()

    async def drop(self) -> None:
        row = await self.only()
        await self.world.database.write(
            self.tenant_id, lambda unit: drop(unit, DEAD_LETTER_KINDS[row.sweep], row, "A. Operator")
        )
        await self.trader.rest()

    async def run(self, statement: Statement, *values: Any) -> None:
        await self.world.database.write(self.tenant_id, lambda unit: unit.run(statement, self.tenant_id, *values), n=0)

    async def one(self, query: Query[Decimal]) -> Decimal:
        return await self.world.database.read(self.tenant_id, lambda unit: unit.one(query, self.tenant_id))

    async def proof(self) -> Proof:
        return await prove_tenant(self.world.database, self.tenant_id, catalog.INVARIANTS)

    async def broken_laws(self) -> list[str]:
        return [finding.name for finding in (await self.proof()).findings]

    async def spoilt(self, statement: Statement, before: str, **fields: Any) -> OrderDetails:
        """An order whose data is spoilt just before a work takes it, and another that comes through beside it."""
        (work,) = [one for one in catalog.WORKS if one.name == before and isinstance(one, Sweep)]
        wants = [self.trader.wanted(**fields), self.trader.wanted(**fields)]

        async def spoils(unit: Unit, limit: int) -> Sequence[Any]:
            (first,) = await unit.rows(FIRST, unit.tenant_id)
            await unit.run(statement, unit.tenant_id, first)
            return await work.claim(unit, limit)

        works = [replace(work, claim=spoils) if one is work else one for one in catalog.WORKS]
        with patch.object(self.world.runner, "works", works):
            placed = [order for order in await self.trader.place_all(wants) if isinstance(order, OrderDetails)]
        orders = [await self.trader.read(one.id) for one in sorted(placed, key=lambda one: str(one.id))]
        assert orders[1].status == "FILLED", "the other order is not held up"
        return orders[0]


async def stand(world: Assembled, tenant_id: UUID) -> Stand:
    return Stand(await make_trader(world, tenant_id))


async def test_an_order_that_cannot_be_checked_is_seen_retried_and_filled(
    assembled: Assembled, frozen_tenant_id: UUID
) -> None:
    at = await stand(assembled, frozen_tenant_id)
    order = await at.spoilt(SPOIL, "orders.check", cash_amount="100.00")
    row = await at.only()
    assert (row.sweep, row.row_id, row.is_open, row.dropped_by) == ("orders.check", order.id, True, None)
    assert order.status == "NEW" and "no_open_work_is_hidden" in await at.broken_laws()
    await at.retry()
    assert (await at.only()).row_id == order.id, "the cause was not repaired, so it is set aside anew"
    await at.run(REPAIR, order.id)
    await at.retry()
    assert (await at.trader.read(order.id)).status == "FILLED"
    assert await at.rows() == [] and (await at.proof()).clean


async def test_a_dropped_order_is_cancelled_and_its_row_keeps_who_decided(
    assembled: Assembled, frozen_tenant_id: UUID
) -> None:
    at = await stand(assembled, frozen_tenant_id)
    order = await at.spoilt(SPOIL, "orders.check", cash_amount="100.00")
    await at.run(REPAIR, order.id)
    await at.drop()
    ended = await at.trader.read(order.id)
    assert (ended.status, ended.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
    row = await at.only()
    assert row.dropped_by == "A. Operator" and row.dropped_at is not None and not row.is_open
    assert (await at.proof()).clean and "ORDER.CANCELLED" in await at.trader.event_types("ORDER")


@pytest.mark.parametrize("fields", [{"cash_amount": "100.00"}, {"quantity": "0.4"}], ids=["cash", "block"])
async def test_an_order_the_venue_cannot_be_asked_about_is_dropped_with_all_it_holds(
    assembled: Assembled, frozen_tenant_id: UUID, fields: dict[str, str]
) -> None:
    """Its lock returns, and a block counts on nothing of the house's inventory."""
    at = await stand(assembled, frozen_tenant_id)
    assembled.runner.ports = replace(assembled.runner.ports, venue=Mute())
    order = await at.trader.place(isin="DE000A1EWWW0", **fields)
    assert order.status == "PROCESSING" and not (await at.trader.cash()).startswith("1000.00 / 0.00")
    assert (await at.only()).sweep == "street.ask_venue"
    assert await at.broken_laws() == ["no_open_work_is_hidden"]
    await at.drop()
    assert (await at.trader.read(order.id)).status == "CANCELLED"
    assert (await at.trader.cash()).startswith("1000.00 / 0.00") and (await at.proof()).clean


async def test_a_cancellation_is_one_more_try_and_always_answered(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    at, venue = await stand(assembled, frozen_tenant_id), Mute()
    assembled.runner.ports = replace(assembled.runner.ports, venue=venue)
    order = await at.trader.place(cash_amount="100.00")
    assert (await at.trader.cancel(order.id)).status == "PROCESSING"
    assert (await at.trader.event_types("ORDER"))[-1] == "ORDER_CANCELLATION.REJECTED"
    assert (await at.only()).is_open
    venue.broken = False
    ended = await at.trader.cancel(order.id)
    assert (ended.status, ended.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    assert await at.rows() == [] and (await at.proof()).clean


async def test_a_cancellation_that_was_refused_is_not_carried_out_later(
    assembled: Assembled, frozen_tenant_id: UUID
) -> None:
    at, venue = await stand(assembled, frozen_tenant_id), Mute([("FILL", "*", "100")])
    assembled.runner.ports = replace(assembled.runner.ports, venue=venue)
    order = await at.trader.place(cash_amount="100.00")
    await at.trader.cancel(order.id)
    venue.broken = False
    await at.retry()
    assert (await at.trader.read(order.id)).status == "FILLED"
    assert (await at.trader.event_types("ORDER"))[-2:] == ["ORDER_CANCELLATION.REJECTED", "ORDER.FILLED"]
    assert (await at.proof()).clean


async def test_what_the_venue_has_traded_is_never_dropped(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    at = await stand(assembled, frozen_tenant_id)
    script(assembled, ("FILL", "*", "100"))
    order = await at.spoilt(SPOIL_REPORT, "orders.book", cash_amount="100.00")
    row = await at.only()
    assert (row.sweep, order.status) == ("orders.book", "PROCESSING")
    assert await at.broken_laws() == ["no_open_work_is_hidden"]
    with pytest.raises(WorkKept, match="the venue has traded"):
        await at.drop()
    await at.trader.cancel(order.id)
    assert (await at.trader.event_types("ORDER"))[-1] == "ORDER_CANCELLATION.REJECTED"
    await at.run(REPAIR_REPORT, order.id)
    await at.retry()
    assert (await at.trader.read(order.id)).status == "FILLED"
    assert await at.rows() == [] and (await at.proof()).clean


async def test_money_of_a_dropped_bank_line_is_in_suspense(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    at = await stand(assembled, frozen_tenant_id)

    async def arrives(unit: Unit) -> UUID:
        (receipt,) = await bank.receive(unit, [entry(unit, "for nobody", "12.34")])
        return receipt.id

    line = await assembled.database.write(frozen_tenant_id, arrives)
    await at.run(ANY, "bank.book", line, (await assembled.clockwork.show(frozen_tenant_id)).now)
    await at.trader.rest()
    assert await at.broken_laws() == ["no_open_work_is_hidden"]
    await at.drop()
    assert (await at.proof()).clean
    assert await at.one(SUSPENSE) == Decimal("12.34")


async def test_a_dropped_data_change_has_failed(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    at = await stand(assembled, frozen_tenant_id)
    insert = Statement(
        "insert into data_changes (tenant_id, id, created_at, updated_at, user_id, status, changes)"
        " values ($1, $2, $4, $4, $3, 'RECEIVED', '{}')"
    )
    now = (await assembled.clockwork.show(frozen_tenant_id)).now
    change = deterministic_id("change")
    await at.run(insert, change, at.trader.customer.user_id, now)
    await at.run(ANY, "users.review_changes", change, now)
    assert await at.broken_laws() == ["no_open_work_is_hidden"]
    await at.drop()
    assert (await at.proof()).clean and (await at.trader.event_types("USER"))[-1] == "USER.DATA_CHANGE_FAILED"
    await assembled.database.write(frozen_tenant_id, lambda unit: fail_undecidable(unit, change), n=0)


@pytest.mark.parametrize("close", [accounts.lock_account, accounts.close_account])
async def test_an_end_that_is_not_the_clients_is_not_taken_back_with_the_clients(
    assembled: Assembled, frozen_tenant_id: UUID, close: Callable[[Unit, UUID], Awaitable[Any]]
) -> None:
    """The client has asked to cancel before the account was locked or closed, and the venue cannot be asked."""
    at = Stand(await make_trader(assembled, frozen_tenant_id))
    venue = Mute([])
    venue.broken = False
    assembled.runner.ports = replace(assembled.runner.ports, venue=venue)
    order = await at.trader.place(cash_amount="100.00")
    write, account_id = assembled.database.write, at.trader.customer.account_id
    await write(frozen_tenant_id, lambda unit: orders.cancel_order(unit, order.id), draining=True)
    await write(frozen_tenant_id, lambda unit: close(unit, account_id), draining=True)
    venue.broken = True
    await at.trader.rest()
    venue.broken, venue.steps = False, [("FILL", "*", "100")]
    await at.retry()
    ended = await at.trader.read(order.id)
    assert (ended.status, ended.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
    assert (await at.proof()).clean


async def test_every_work_says_what_its_rows_are(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    """Once for each work, and what nobody declares counts as open."""
    assert sorted(DEAD_LETTER_KINDS) == sorted([*(work.name for work in catalog.WORKS), "webhooks.pack"])
    assert len(DEAD_LETTER_KINDS) == len(catalog.DEAD_LETTER_KINDS)
    at = Stand(await make_trader(assembled, frozen_tenant_id, money=""))
    now = (await assembled.clockwork.show(frozen_tenant_id)).now
    for name in (*DEAD_LETTER_KINDS, "a work of tomorrow"):
        await at.run(ANY, name, deterministic_id("row", name), now)
    is_open = {row.sweep for row in await at.rows() if row.is_open}
    assert is_open == {"webhooks.pack", "a work of tomorrow"}, "rows that are no object's any more hide nothing"
    assert len((await at.proof()).findings[0].rows) == 2
    await keep_house(assembled.database, Log(WireClock()))
    assert {row.sweep for row in await at.rows()} == is_open
    assert (
        await assembled.database.write(
            frozen_tenant_id, lambda unit: forget_over(unit, catalog.FORGET_DEAD_LETTERS), n=0
        )
        == 0
    )


@pytest.mark.parametrize("name", ["executions.settle", "executions.settle_blocks", "instruments.tell"])
async def test_what_is_under_way_is_not_dropped(assembled: Assembled, frozen_tenant_id: UUID, name: str) -> None:
    end = DEAD_LETTER_KINDS[name].drop
    assert end is not None
    with pytest.raises(WorkKept):
        await assembled.database.write(frozen_tenant_id, lambda unit: end(unit, deterministic_id("row")), n=0)
