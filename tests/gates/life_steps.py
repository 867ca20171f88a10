"""One life of R18: each step does the same to the program and to the model, and what both say is compared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from openvest.core.lifecycle import WrongState
from openvest.core.problems import NotFound, Unprocessable
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.cash import service as cash
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderDetails
from openvest.features.payments import service as payments
from openvest.features.positions import service as positions
from openvest.ports.venue import VenueAnswer, VenueOrder, VenueReport
from tests.gates.life_model import OFFER, OPEN, UNIT, ZERO, Account, Model, Order, Tell, rounded
from tests.kit import trades
from tests.kit.customers import top_up
from tests.kit.imports import bring
from tests.kit.orders import Trader, X
from tests.kit.scripted import ScriptedVenue

LAST = datetime(2026, 3, 27, tzinfo=UTC)
"""Lives stay in March, whose weeks have no holiday and no change of the hour."""
CENT = Decimal("0.01")


@dataclass
class PlannedVenue(ScriptedVenue):
    """Says of each order what its plan says, found by the client's reference; ends an order on request."""

    plans: dict[str, tuple[Tell, ...]] = field(default_factory=dict[str, tuple[Tell, ...]])

    def _played(self, order: VenueOrder) -> VenueAnswer:
        measure = "cash_amount" if order.cash_amount is not None else "quantity"
        reports: list[VenueReport] = []
        for place, tell in enumerate(self.plans[str(order.client_reference)]):
            fields: dict[str, Any] = {measure: tell.size, "price": tell.price} if tell.size else {}
            at = order.asked_at + tell.after
            reports.append(VenueReport(order.id, f"step {place}", tell.kind, at, last=tell.last, **fields))
        return VenueAnswer(order.id, tuple(reports), None)


@dataclass
class Life:
    """One customer in the program and in the model. A step says what it does in `said`, for whoever has to read it."""

    trader: Trader
    model: Model
    venue: PlannedVenue
    owner: asyncpg.Connection[asyncpg.Record]
    ids: dict[int, UUID] = field(default_factory=dict[int, UUID])
    topups: list[UUID] = field(default_factory=list[UUID])
    accounts: list[UUID] = field(default_factory=list[UUID])
    seen: dict[int, Any] = field(default_factory=dict[int, Any])
    said: list[str] = field(default_factory=list[str])

    async def write(self, work: Callable[[Unit], Awaitable[Any]]) -> Any:
        """A write, after which the tenant is brought to rest; None where it is refused."""
        database, tenant_id = self.trader.world.database, self.trader.customer.tenant_id
        try:
            return await database.write(tenant_id, work)
        except (WrongState, Unprocessable):
            return None
        finally:
            await self.trader.rest()

    # Steps: each does the same to both

    async def top_up(self, chance: Random) -> None:
        amount = Decimal(chance.randint(1, 900_000)) / 100
        self.said.append(f"top up {amount}")
        self.topups.append((await top_up(self.trader.world.database, self.trader.customer, str(amount))).id)
        await self.trader.rest()
        self.model.top_up(amount)

    async def cancel_topup(self, chance: Random) -> None:
        number = chance.randrange(len(self.topups))
        self.said.append(f"cancel top-up {number}")
        done = await self.write(lambda unit: payments.cancel_topup(unit, self.topups[number]))
        assert (done is not None) == self.model.cancel_topup(number), f"top-up {number} is cancelled: {done}"

    async def buy(self, chance: Random) -> None:
        await self.place(chance, "BUY")

    async def sell(self, chance: Random) -> None:
        await self.place(chance, "SELL")

    async def place(self, chance: Random, side: str, number: int | None = None) -> None:
        """An order of any kind. By amount, and in fractions, where the venue trades the very quantity."""
        number = chance.randrange(len(self.accounts)) if number is None else number
        kind = chance.choice(("MARKET", "MARKET", "LIMIT", "STOP"))
        order = Order(number, side, kind, self.model.now, (), fee=Decimal(chance.choice(("0", "0", "1.00", "4.99"))))
        if chance.random() < 0.3:
            order.fee, order.outside = ZERO, order.fee
        if kind != "MARKET":
            order.price = Decimal(chance.randint(9_000, 14_000)) / 100
        self._size(chance, order)
        if chance.random() < 0.3:
            order.expiry = self.model.now.date() + timedelta(days=chance.randint(0, 5))
        order.plan = self._plan(chance, order)
        reference = f"{self.trader.customer.tenant_id} {len(self.ids)}"
        self.venue.plans[reference] = order.plan
        self.said.append(f"{side} {kind} {order.amount or order.quantity} fee {order.fee}, {order.outside} outside")
        self.said[-1] += (
            f" expiry {order.expiry} limit or stop {order.price} of account {number}, the venue: {order.plan}"
        )
        fields: dict[str, Any] = {"limit_price": order.price} if kind == "LIMIT" else {}
        fields |= {"stop_price": order.price} if kind == "STOP" else {}
        fields |= {"cash_amount": order.amount} if order.amount is not None else {"quantity": order.quantity}
        fields |= {"fee": order.fee + order.outside, "fee_collected": bool(order.fee), "expiry_date": order.expiry}
        want = self.trader.wanted(side=side, order_type=kind, client_reference=reference, **fields)
        (answer,) = await self.trader.place_all([replace(want, account_id=self.accounts[number])])
        assert isinstance(answer, OrderDetails), answer
        self.ids[len(self.ids)] = answer.id
        self.model.place(order)

    def _size(self, chance: Random, order: Order) -> None:
        fractions = self.model.pace == "instant" and self.model.fractions
        if fractions and chance.random() < 0.5:
            order.amount = Decimal(chance.randint(1, 150_000)) / 100
        elif fractions and chance.random() < 0.7:
            order.quantity = Decimal(chance.randint(1, chance.choice((10**6, 12 * 10**10)))) * UNIT
        else:
            order.quantity = Decimal(chance.randint(1, 12))
        held = self.model.accounts[order.account].available
        if order.side == "SELL" and held and (not self.model.fractions or chance.random() < 0.5):
            order.amount, order.quantity = None, held

    def _plan(self, chance: Random, order: Order) -> tuple[Tell, ...]:
        """Fills in parts, in full or not, at once or over days; an end that comes or not."""
        whole = order.amount if order.amount is not None else order.quantity or ZERO
        step = CENT if order.amount is not None else Decimal(1) if whole == int(whole) else UNIT
        end = chance.choice(("full", "full", "full", "cancelled", "rejected", "open", "rest"))
        sizes: list[Decimal] = []
        for _ in range(0 if end in ("rejected", "rest") else chance.randint(1, 3)):
            left = whole - sum(sizes, ZERO)
            sizes.append(step * chance.randint(0, int(left / step)))
        if end == "full":
            sizes.append(whole - sum(sizes, ZERO))
        after, told = timedelta(), list[Tell]()
        for size in (size for size in sizes if size):
            told.append(Tell(after, "FILL", last=False, size=size, price=self._price(chance, order)))
            after += timedelta(seconds=chance.choice((0.013, 61, 7_207, 90_011)) + len(self.ids) / 1_000)
        if end == "full":
            told[-1] = replace(told[-1], last=True)
        if end in ("cancelled", "rejected"):
            told.append(Tell(after, "CANCELLED" if end == "cancelled" else "REJECTED", last=True))
        return tuple(told)

    def _price(self, chance: Random, order: Order) -> Decimal:
        """A price around the quote; a buy by quantity is never dearer than its lock, nor than its limit."""
        price = (OFFER * chance.randint(900, 1_100) / 1_000).quantize(Decimal("0.0001"))
        if order.side == "BUY" and order.quantity is not None:
            ceiling = (self.model.lock_of(order) - order.fee) / order.quantity
            price = min(price, rounded(ceiling, CENT, ROUND_FLOOR))
        return max(price, CENT)

    async def cancel(self, chance: Random) -> None:
        known = [number for number, order in enumerate(self.model.orders) if order.status in OPEN]
        if not self.ids:
            return
        number = chance.choice(known or [*self.ids])
        self.said.append(f"cancel order {number}")
        await self.trader.cancel(self.ids[number])
        self.model.cancel(self.model.orders[number])

    async def advance(self, chance: Random) -> None:
        to = self.model.now + timedelta(minutes=chance.choice((3, 45, 301, 1_439, 4_321)))
        if to < LAST:
            self.said.append(f"advance to {to}")
            await self.trader.advance_to(to)
            self.model.advance(to)

    async def change_instrument(self, chance: Random) -> None:
        """For a while it trades no fractions, then it is INACTIVE; orders come meanwhile, sales where there is any."""
        for change in ({"decimals": 0}, {"status": "INACTIVE"}):
            self.said.append(f"the instrument changes: {change}")
            await self.bring(**change)
            self.model.change_instrument(active="status" not in change, fractions="decimals" not in change)
            await self.compare()
            holders = [number for number, account in enumerate(self.model.accounts) if account.available]
            await self.place(chance, "SELL" if holders else "BUY", chance.choice(holders) if holders else None)
            await self.compare()
        self.said.append("the instrument is as before")
        await self.bring()
        self.model.change_instrument()

    async def bring(self, **change: Any) -> None:
        """Import the instrument as the model has it, but for a change."""
        listed = {"venues": "XETR XLON", "currencies": "EUR GBP", "ticks": "0.01 0.01", "prices": "113.03 94.10"}
        await bring(self.owner, X, **listed, **change)
        await self.trader.rest()
        self.model.now = (await self.trader.world.clockwork.show(self.trader.customer.tenant_id)).now

    async def move_account(self, chance: Random) -> None:
        """Lock, unlock or close an account; where none is open, open another one."""
        verb = chance.choice(("lock", "unlock", "unlock", "close"))
        number = chance.randrange(len(self.accounts))
        self.said.append(f"{verb} account {number}")
        do = {"lock": accounts.lock_account, "unlock": accounts.unlock_account, "close": accounts.close_account}[verb]
        done = await self.write(lambda unit: do(unit, self.accounts[number]))
        assert (done is not None) == self.model.move_account(number, verb), f"{verb} of account {number}: {done}"
        if not any(account.status in ("ACTIVE", "LOCKED") for account in self.model.accounts):
            await self.open_account()

    async def open_account(self) -> None:
        customer = self.trader.customer
        made = await self.write(
            lambda unit: accounts.create_account(unit, customer.user_id, customer.group_id, "TRADING")
        )
        self.accounts.append(made.id)
        self.model.accounts.append(Account())

    # What must agree

    async def compare(self, *, everything: bool = False) -> None:
        """Hold what the services say against the model. Orders that cannot have changed are left out until the end."""
        world, customer, model = self.trader.world, self.trader.customer, self.model

        async def work(unit: Unit) -> None:
            found = await cash.get_balance(unit, customer.group_id, "EUR")
            figures = (found.balance, found.locked_for_trading, found.pending_settlement)
            figures += (found.available_for_withdrawal, found.available_for_trading)
            assert figures == model.money(), f"money is {figures}, the model has {model.money()}"
            for number, account_id in enumerate(self.accounts):
                status = (await accounts.get_account(unit, account_id)).status
                assert status == model.accounts[number].status, f"account {number} is {status}"
                units, wanted = await self._position(unit, account_id), model.position(number)
                assert units == wanted, f"account {number} has {units}, the model has {wanted}"
            for number, order in enumerate(model.orders):
                wanted = _wanted(order)
                if everything or order.status in OPEN or self.seen.get(number) != wanted:
                    said = _said(await orders.get_order(unit, self.ids[number]))
                    assert said == wanted, f"order {number} is {said}, the model has {wanted}"
                    self.seen[number] = wanted

        await world.database.read(customer.tenant_id, work)

    async def _position(self, unit: Unit, account_id: UUID) -> tuple[Decimal | None, ...]:
        instrument = await trades.instrument(unit, X)
        try:
            p = await positions.get_position(unit, account_id, instrument.uuid)
        except NotFound:
            return ZERO, ZERO, ZERO, ZERO, None
        return p.quantity, p.locked_for_trading, p.pending_settlement, p.available_for_trading, p.average_price


def _wanted(order: Order) -> tuple[Any, ...]:
    done = [(one.quantity, one.cash, one.price, one.fee, one.status) for one in order.done]
    amount = order.cash if order.amount is None else order.amount
    quantity = order.units if order.quantity is None else order.quantity
    fee = sum((one.fee for one in order.done), order.outside if order.done else ZERO)
    return order.status, order.reason, amount, quantity, fee, sorted(done)


def _said(view: OrderDetails) -> tuple[Any, ...]:
    done = [(one.quantity, one.cash_amount, one.price, one.fee, one.status) for one in view.executions]
    return view.status, view.cancellation_reason, view.cash_amount, view.quantity, view.fee_charged, sorted(done)
