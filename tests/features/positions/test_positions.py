"""What is published of cash and units as trades go through the books: figures, versions, prices, lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from openvest.core.ids import deterministic_id
from openvest.core.money import Money
from openvest.core.paging import PageRequest
from openvest.core.problems import Problem
from openvest.db.unit import Database, Unit
from openvest.events.log import LoggedEvent, events_of
from openvest.features.cash import service as cash
from openvest.features.cash.model import Instrument
from openvest.features.positions import service
from openvest.features.positions.model import Position
from openvest.ledger.chart import balance_id, units_of
from openvest.ledger.lot_book import add_lots
from openvest.ledger.lots import bought_lot
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import reserve_cash
from openvest.ledger.trades import Taxes, Trade, order_execution
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.trades import ADIDAS, ALLIANZ, DAY, filled, locked, read_instrument, settled, trade, write
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio


@pytest.fixture
async def customer(database: Database, tenant_id: UUID) -> Customer:
    return await make_customer(database, tenant_id)


async def position(database: Database, customer: Customer, of: Instrument) -> Position:
    return await database.read(
        customer.tenant_id, lambda unit: service.get_position(unit, customer.account_id, of.uuid)
    )


def units(of: Position) -> str:
    """The figures of a position: quantity / locked / pending / available / settled."""
    five = (
        of.quantity,
        of.locked_for_trading,
        of.pending_settlement,
        of.available_for_trading,
        of.settled_quantity,
    )
    return " / ".join(format(figure.normalize(), "f") for figure in five)


async def money(database: Database, customer: Customer) -> str:
    """The figures of the cash balance: balance / locked / pending / withdrawable / tradable."""
    of = await database.read(customer.tenant_id, lambda unit: cash.get_balance(unit, customer.group_id, "EUR"))
    five = (
        of.balance,
        of.locked_for_trading,
        of.pending_settlement,
        of.available_for_withdrawal,
        of.available_for_trading,
    )
    return " / ".join(format(figure.normalize(), "f") for figure in five)


async def told(database: Database, customer: Customer, of: Instrument) -> list[LoggedEvent]:
    ids = [balance_id(customer.account_id, units_of(of.uuid))]
    return await database.read(customer.tenant_id, lambda unit: events_of(unit, ids))


async def test_the_official_figures_of_a_buy(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    buy = trade(customer, adidas, "BUY", "8.6918730986", "1000.00")
    await top_up(database, customer, "1000.00")
    await write(database, buy, customer, locked)
    assert await money(database, customer) == "1000 / 1000 / 0 / 0 / 0"
    with pytest.raises(Problem) as refused:
        await position(database, customer, adidas)
    assert refused.value.status == 404
    await write(database, buy, customer, filled)
    assert await money(database, customer) == "0 / 0 / 0 / 0 / 0"
    held = await position(database, customer, adidas)
    assert units(held) == "8.6918730986 / 0 / 8.6918730986 / 8.6918730986 / 0"
    assert held.average_price == Decimal("115.05")
    assert held.available_for_instruction == held.available_for_trading
    await write(database, buy, customer, settled)
    assert units(await position(database, customer, adidas)) == "8.6918730986 / 0 / 0 / 8.6918730986 / 8.6918730986"


async def test_the_official_figures_of_a_taxed_sale_and_a_buy_from_its_proceeds(
    database: Database, customer: Customer
) -> None:
    allianz = await read_instrument(database, customer, ALLIANZ)
    first = trade(customer, allianz, "BUY", "10", "350.70")
    taxes = Taxes(income=Decimal("162.33"), solidarity=Decimal("8.92"))
    sale = trade(customer, allianz, "SELL", "10", "1000.00", taxes=taxes)
    await top_up(database, customer, "350.70")
    await write(database, first, customer, locked, filled, settled)
    await write(database, sale, customer, locked)
    assert units(await position(database, customer, allianz)) == "10 / 10 / 0 / 0 / 10"
    await write(database, sale, customer, filled)
    assert await money(database, customer) == "828.75 / 0 / 828.75 / 0 / 828.75"
    sold = await position(database, customer, allianz)
    assert units(sold) == "0 / 0 / 0 / 0 / 10"
    assert sold.average_price is None
    again = trade(customer, await read_instrument(database, customer), "BUY", "4.3459365493", "500.00")
    await write(database, again, customer, locked)
    assert await money(database, customer) == "828.75 / 500 / 828.75 / -500 / 328.75"
    await write(database, again, customer, filled)
    assert await money(database, customer) == "328.75 / 0 / 828.75 / -500 / 328.75"
    await write(database, sale, customer, settled)
    assert await money(database, customer) == "328.75 / 0 / 0 / 328.75 / 328.75"
    assert units(await position(database, customer, allianz)) == "0 / 0 / 0 / 0 / 0"


async def test_each_touched_balance_is_told_once_a_unit_as_it_then_stands(
    database: Database, customer: Customer
) -> None:
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "1000.00")
    buy = trade(customer, adidas, "BUY", "8.6918730986", "1000.00")
    await write(database, buy, customer, locked, filled)  # two journals on the same balances
    await write(database, buy, customer, settled)
    of_units = await told(database, customer, adidas)
    assert [(event.type, event.object_version) for event in of_units] == [
        ("POSITION.UPDATED", 1),
        ("POSITION.UPDATED", 2),
    ]
    assert of_units[0].snapshot == {
        "id": str(balance_id(customer.account_id, units_of(adidas.uuid))),
        "account_id": str(customer.account_id),
        "instrument": {"uuid": str(adidas.uuid), "isin": ADIDAS},
        "quantity": "8.6918730986",
        "locked_for_trading": "0",
        "pending_settlement": "8.6918730986",
        "available_for_trading": "8.6918730986",
        "settled_quantity": "0",
        "average_price": "115.05",
        "currency": "EUR",
        "created_at": of_units[0].snapshot["created_at"],
        "updated_at": of_units[0].snapshot["updated_at"],
    }
    assert of_units[1].snapshot["settled_quantity"] == "8.6918730986"
    assert of_units[0].created_at < of_units[1].created_at
    ids = [balance_id(customer.group_id, "EUR")]
    of_money = await database.read(customer.tenant_id, lambda unit: events_of(unit, ids))
    assert [(event.type, event.object_version) for event in of_money] == [
        ("CASH_BALANCE.UPDATED", 1),  # the top-up
        ("CASH_BALANCE.UPDATED", 2),  # lock and fill; a buy settles without the customer's cash
    ]
    assert of_money[1].snapshot["balance"] == "0"


async def test_a_unit_that_is_refused_publishes_nothing(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "10.00")
    with pytest.raises(Problem):
        await write(database, trade(customer, adidas, "BUY", "1", "10.01"), customer, locked)
    ids = [balance_id(customer.group_id, "EUR")]
    events = await database.read(customer.tenant_id, lambda unit: events_of(unit, ids))
    assert [event.object_version for event in events] == [1]


async def test_average_prices_follow_the_open_lots(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "5000.00")
    for quantity, paid in (("10", "1000.00"), ("5", "600.00")):
        buy = trade(customer, adidas, "BUY", quantity, paid, fee=Decimal("1.00"))
        await write(database, buy, customer, locked, filled, settled)
    assert (await position(database, customer, adidas)).average_price == Decimal("106.8")  # 1602.00 / 15
    await write(database, trade(customer, adidas, "SELL", "12", "1300.00"), customer, locked, filled)
    left = await position(database, customer, adidas)
    assert (left.quantity, left.average_price) == (3, Decimal("120.2"))  # 360.60 / 3
    events = await told(database, customer, adidas)
    assert [event.snapshot["average_price"] for event in events] == ["100.1", "106.8", "120.2"]


async def test_a_cost_nobody_knows_makes_the_average_unknown(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "1000.00")
    buy = trade(customer, adidas, "BUY", "8", "1000.00")

    async def unknown(unit: Unit, done: Trade) -> None:
        await post(unit, [order_execution(done)])
        lot = bought_lot(done.execution_id, done.account_id, done.instrument_id, unit.now, done.quantity, None)
        await add_lots(unit, [lot])

    await write(database, buy, customer, locked, unknown)
    assert (await position(database, customer, adidas)).average_price is None


async def test_what_is_bought_in_several_currencies_has_no_average(database: Database, customer: Customer) -> None:
    allianz = await read_instrument(database, customer, ALLIANZ)
    for currency in ("EUR", "GBP"):
        await top_up(database, customer, "100.00", currency)
        buy = replace(trade(customer, allianz, "BUY", "1", "100.00"), currency=currency)
        named = replace(buy, execution_id=deterministic_id(currency), order_id=deterministic_id("order", currency))
        await write(database, named, customer, locked, filled)
        held = await position(database, customer, allianz)
        assert (held.average_price, held.currency) == ((Decimal(100), "EUR") if currency == "EUR" else (None, None))
        assert held.quantity == (1 if currency == "EUR" else 2)


async def test_a_position_is_found_by_its_id_in_its_account_alone(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "150.00")
    await write(database, trade(customer, adidas, "BUY", "1", "150.00"), customer, locked, filled)
    held = await position(database, customer, adidas)

    async def find(account_id: UUID) -> Position:
        return await database.read(
            customer.tenant_id, lambda unit: service.get_position_by_id(unit, account_id, held.id)
        )

    assert await find(customer.account_id) == held
    other = await make_customer(database, customer.tenant_id)
    with pytest.raises(Problem) as refused:
        await find(other.account_id)
    assert refused.value.status == 404


async def test_the_list_leaves_out_what_is_sold_and_settled(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    allianz = await read_instrument(database, customer, ALLIANZ)
    await top_up(database, customer, "300.00")
    for of in (adidas, allianz):
        await write(database, trade(customer, of, "BUY", "1", "150.00"), customer, locked, filled, settled)

    async def listed(query: PageRequest) -> tuple[list[UUID], int]:
        found = await database.read(
            customer.tenant_id, lambda unit: service.list_positions(unit, query, customer.account_id)
        )
        return [row.instrument.uuid for row in found.rows], found.total

    both = sorted([adidas.uuid, allianz.uuid])
    assert await listed(PageRequest(limit=100)) == (both, 2)
    assert await listed(PageRequest(limit=100, order="DESC")) == (both[::-1], 2)
    assert await listed(PageRequest(offset=1, limit=1)) == (both[1:], 2)
    sale = trade(customer, adidas, "SELL", "1", "150.00")
    await write(database, sale, customer, locked, filled)
    assert (await listed(PageRequest(limit=100)))[1] == 2  # sold, but its settlement is awaited
    await write(database, sale, customer, settled)
    assert await listed(PageRequest(limit=100)) == ([allianz.uuid], 1)
    assert units(await position(database, customer, adidas)) == "0 / 0 / 0 / 0 / 0"


async def test_another_tenant_sees_no_position(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "150.00")
    await write(database, trade(customer, adidas, "BUY", "1", "150.00"), customer, locked, filled)
    other = await make_tenant(database, "Tenant B")

    async def look(unit: Unit) -> None:
        await service.get_position(unit, customer.account_id, adidas.uuid)

    with pytest.raises(Problem) as refused:
        await database.read(other, look)
    assert refused.value.status == 404


async def test_publishing_many_balances_takes_as_many_statements_as_publishing_one(
    database: Database, tenant_id: UUID
) -> None:
    customers = [await make_customer(database, tenant_id) for _ in range(4)]
    for customer in customers:
        await top_up(database, customer, "300.00")
    adidas = await read_instrument(database, customers[0])

    async def statements(of: Sequence[Customer], paid: str) -> int:
        asked: list[str] = []

        async def work(unit: Unit) -> None:
            trades = [trade(customer, adidas, "BUY", "1", paid) for customer in of]
            await post(unit, [reserve_cash(t.order_id, t.group_id, "EUR", t.paid, DAY) for t in trades])
            await post(unit, [order_execution(t) for t in trades])
            await add_lots(
                unit,
                [
                    bought_lot(
                        t.execution_id, t.account_id, t.instrument_id, unit.now, t.quantity, Money(t.paid, t.currency)
                    )
                    for t in trades
                ],
            )
            with unit.connection.query_logger(lambda record: asked.append(record.query)):
                await cash.publish_cash(unit)
                await service.publish_positions(unit)
            assert unit.event_count == 2 * len(of)
            unit.abandon()

        await database.write(tenant_id, work)
        return len(asked)

    assert await statements(customers[:1], "100.00") == await statements(customers, "101.00") == 2
