"""The ledger and the life of orders once more, in memory: plain sums of Decimals, nothing of the program in them.

One group with money in one currency and a few accounts, one instrument whose quote stands still. What the venue does is
given as a plan; the model carries time forward from one instant to the next and says what must be true then.

Source: POSTINGS.md sections 1 to 3, ORDER_MATHS.md sections 1 to 6, DOMAIN.md section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Literal
from zoneinfo import ZoneInfo

OFFER, BID = Decimal("115.05"), Decimal("113.03")
ZERO, CENT, UNIT = Decimal(0), Decimal("0.01"), Decimal("1e-10")
BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")
DAY = timedelta(days=1)
BY_CLIENT, BY_PLATFORM, BY_PARTNER = (f"CANCELLED_BY_{who}" for who in ("CLIENT", "UPVEST_PLATFORM", "TRADING_PARTNER"))
OPEN = ("NEW", "PROCESSING")
EXACT = Context(prec=60)
Pace = Literal["instant", "calendar"]


def rounded(value: Decimal, step: Decimal, mode: str) -> Decimal:
    return (value / step).quantize(Decimal(1), rounding=mode, context=EXACT) * step


@dataclass(frozen=True, slots=True)
class Tell:
    """Something the venue will say, so long after it was asked. Shape: `size` in cash or units, as the order was."""

    after: timedelta
    kind: Literal["FILL", "CANCELLED", "REJECTED"]
    last: bool
    size: Decimal = ZERO
    price: Decimal = ZERO


@dataclass(slots=True)
class Done:
    """An execution. `at` is the trade time; the lot of a buy is what remains of it."""

    side: str
    quantity: Decimal
    cash: Decimal
    price: Decimal
    fee: Decimal
    at: datetime
    settles: datetime
    status: str = "FILLED"
    left: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(slots=True)
class Order:
    """An order as wanted, and what became of it. `due` are the venue's reports that are still to come.

    `fee` is collected; `outside` is charged by the client itself, and counts as cost of what was bought.
    """

    account: int
    side: str
    kind: str
    created: datetime
    plan: tuple[Tell, ...]
    amount: Decimal | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    fee: Decimal = ZERO
    outside: Decimal = ZERO
    expiry: date | None = None
    status: str = "NEW"
    reason: str | None = None
    lock: Decimal = ZERO
    used: Decimal = ZERO
    value: Decimal = ZERO
    given: Decimal = ZERO
    opens: datetime | None = None
    expires: datetime | None = None
    due: list[tuple[datetime, Tell]] = field(default_factory=list[tuple[datetime, Tell]])
    done: list[Done] = field(default_factory=list[Done])

    @property
    def cash(self) -> Decimal:
        return sum((one.cash for one in self.done), ZERO)

    @property
    def units(self) -> Decimal:
        return sum((one.quantity for one in self.done), ZERO)


@dataclass(slots=True)
class Account:
    """An account's units. The published pending figure counts what was bought and has not settled."""

    status: str = "ACTIVE"
    available: Decimal = ZERO
    locked: Decimal = ZERO
    lots: list[Done] = field(default_factory=list[Done])


def session(day: date) -> tuple[datetime, datetime] | None:
    """The hours of the venue; in the weeks of this model only weekends are closed."""
    if day.weekday() > 4:
        return None
    hours = (time(9), time(17, 30))
    opens, closes = (datetime.combine(day, hour, BERLIN).astimezone(UTC) for hour in hours)
    return opens, closes


def business_days_after(day: date, count: int) -> date:
    while count:
        day += DAY
        count -= day.weekday() < 5
    return day


@dataclass(slots=True)
class Model:
    """All that is known of one group."""

    pace: Pace
    now: datetime
    active: bool = True
    fractions: bool = True
    available: Decimal = ZERO
    locked: Decimal = ZERO
    topups: list[tuple[Decimal, str]] = field(default_factory=list[tuple[Decimal, str]])
    accounts: list[Account] = field(default_factory=list[Account])
    orders: list[Order] = field(default_factory=list[Order])

    # What must be seen

    @property
    def executions(self) -> list[Done]:
        return [one for order in self.orders for one in order.done]

    def money(self) -> tuple[Decimal, ...]:
        """balance / locked / pending / withdrawable / tradable"""
        sold = [one for one in self.executions if one.side == "SELL" and one.status == "FILLED"]
        pending = sum((max(one.cash - one.fee, ZERO) for one in sold), ZERO)
        return self.available + self.locked, self.locked, pending, self.available - pending, self.available

    def position(self, number: int) -> tuple[Decimal | None, ...]:
        """quantity / locked / pending / tradable / average price"""
        account = self.accounts[number]
        pending = sum((lot.quantity for lot in account.lots if lot.status == "FILLED"), ZERO)
        left = sum((lot.left for lot in account.lots), ZERO)
        cost = sum((lot.cost for lot in account.lots), ZERO)
        price = rounded(cost / left, Decimal("0.0001"), ROUND_HALF_UP) if left else None
        return account.available + account.locked, account.locked, pending, account.available, price

    # Verbs

    def top_up(self, amount: Decimal) -> None:
        self.available += amount
        self.topups.append((amount, "CONFIRMED"))

    def cancel_topup(self, number: int) -> bool:
        """Whether it can be taken back: it is not final, and its money withdrawable."""
        amount, status = self.topups[number]
        if status != "CONFIRMED" or self.money()[3] < amount:
            return False
        self.available -= amount
        self.topups[number] = (amount, "CANCELLED")
        return True

    def place(self, order: Order) -> None:
        self.orders.append(order)
        self._look(order)
        self._settle()

    def cancel(self, order: Order, reason: str = BY_CLIENT) -> None:
        if order.status in OPEN:
            self._end(order, "CANCELLED", reason)
        self._close()

    def move_account(self, number: int, verb: str) -> bool:
        """Lock, unlock or close an account; whether its state has that verb."""
        account = self.accounts[number]
        moves = {("ACTIVE", "lock"): "LOCKED", ("LOCKED", "unlock"): "ACTIVE", ("ACTIVE", "close"): "CLOSING"}
        if (account.status, verb) not in moves:
            return False
        account.status = moves[account.status, verb]
        ended = {"lock": ("BUY", "SELL"), "close": ("BUY",), "unlock": ()}[verb]
        for order in self.orders:
            if order.account == number and order.side in ended:
                self.cancel(order, BY_PLATFORM)
        self._close()
        return True

    def change_instrument(self, *, active: bool = True, fractions: bool = True) -> None:
        """It is INACTIVE, trades no fractions, or is as before: open orders that do not fit it end."""
        self.active, self.fractions = active, fractions
        for order in self.orders:
            if order.status in OPEN and (not active or (not fractions and self._too_fine(order))):
                self._end(order, "CANCELLED", BY_PLATFORM)
        self._close()

    @staticmethod
    def _too_fine(order: Order) -> bool:
        """A purchase of a fraction; one by amount that still waits will buy whole units."""
        if order.quantity is not None:
            return order.side == "BUY" and order.quantity % 1 != 0
        return order.side == "BUY" and order.status == "PROCESSING"

    def advance(self, to: datetime) -> None:
        """From instant to instant: what the venue says, what opens, what expires, what settles."""
        while True:
            moments = [at for order in self.orders if order.status in OPEN for at in self._moments(order)]
            moments += [one.settles for one in self.executions if one.status == "FILLED"]
            if not moments or min(moments) > to:
                break
            self.now = min(moments)
            self._report()
            for order in self.orders:
                if order.status == "NEW" and order.opens is not None and order.opens <= self.now:
                    self._look(order)
            self._report()
            for order in self.orders:
                if order.status in OPEN and order.expires is not None and order.expires <= self.now:
                    self._end(order, "CANCELLED", BY_PARTNER)
            self._settle()
        self.now = to

    def _moments(self, order: Order) -> list[datetime]:
        found = [at for at, _ in order.due]
        found += [order.expires] if order.expires is not None else []
        return [*found, order.opens] if order.status == "NEW" and order.opens is not None else found

    # The check

    def _look(self, order: Order) -> None:
        """Decide an order: standing, expiry, money or units, session."""
        account = self.accounts[order.account]
        fit = account.status == "ACTIVE" if order.side == "BUY" else account.status in ("ACTIVE", "CLOSING")
        if not fit or not self.active:
            return self._end(order, "CANCELLED", BY_PLATFORM)
        opens, order.expires = self._opens(), self._expires(order)
        if order.expires is not None and order.expires < (opens or self.now):
            return self._end(order, "CANCELLED", BY_PARTNER)
        if not order.lock:
            if order.side == "SELL" and self._worth(order) < CENT:
                return self._end(order, "CANCELLED", BY_PLATFORM)
            lock = self.lock_of(order)
            if lock > (self.available if order.side == "BUY" else account.available):
                return self._end(order, "CANCELLED", BY_PLATFORM)
            self._take(order, lock)
        order.opens = opens
        if opens is None:
            order.status = "PROCESSING"
            order.due = [(self.now + tell.after, tell) for tell in order.plan]
            self._report()
        return None

    def _opens(self) -> datetime | None:
        """When the venue opens next; None where it is open, or knows no sessions."""
        if self.pace == "instant":
            return None
        day = self.now.astimezone(BERLIN).date()
        hours = session(day)
        if hours is not None and hours[0] <= self.now <= hours[1]:
            return None
        while hours is None or hours[0] < self.now:
            day += DAY
            hours = session(day)
        return hours[0]

    def _expires(self, order: Order) -> datetime | None:
        if order.expiry is None:
            return None
        if self.pace == "instant":
            return datetime.combine(order.expiry, time(), UTC) + DAY
        day = order.expiry
        while (hours := session(day)) is None:
            day -= DAY
        return hours[1]

    def _worth(self, order: Order) -> Decimal:
        """What a sale would bring at best now, unrounded."""
        price = max(BID, order.price or ZERO) if order.kind == "LIMIT" else BID
        return order.amount if order.amount is not None else (order.quantity or ZERO) * price

    def lock_of(self, order: Order) -> Decimal:
        nine_tenths = Decimal("0.9")
        if order.side == "SELL":
            if order.quantity is not None:
                return order.quantity
            return rounded((order.amount or ZERO) / BID / nine_tenths, UNIT, ROUND_CEILING)
        if order.amount is not None:
            return order.amount + order.fee
        price = {"MARKET": OFFER, "LIMIT": order.price, "STOP": max(OFFER, order.price or ZERO)}[order.kind]
        return rounded((order.quantity or ZERO) * (price or ZERO) / nine_tenths, CENT, ROUND_CEILING) + order.fee

    def _take(self, order: Order, amount: Decimal) -> None:
        """Lock an amount, or with a minus give it back."""
        order.lock += max(amount, ZERO)
        if order.side == "BUY":
            self.available, self.locked = self.available - amount, self.locked + amount
        else:
            account = self.accounts[order.account]
            account.available, account.locked = account.available - amount, account.locked + amount

    def _end(self, order: Order, status: str, reason: str | None) -> None:
        """The end of an order: what its lock has left comes back, what the venue still had to say is void."""
        order.status, order.reason, order.due = status, reason, []
        self._take(order, -(order.lock - order.used))

    # Executions

    def _report(self) -> None:
        """Everything the venues have said up to now, in order of time."""
        while True:
            said = [(at, tell, order) for order in self.orders for at, tell in order.due[:1] if at <= self.now]
            if not said:
                return
            at, tell, order = min(said, key=lambda one: (one[0], one[2].created))
            order.due.pop(0)
            if tell.kind == "FILL":
                self._fill(order, tell, at)
            if tell.last:
                full = tell.kind == "FILL"
                if full and not order.done:
                    self._end(order, "CANCELLED", BY_PLATFORM)
                else:
                    self._end(order, "FILLED" if full else "CANCELLED", None if full else BY_PARTNER)

    def _fill(self, order: Order, tell: Tell, at: datetime) -> None:
        order.given += tell.size
        if order.amount is None:
            quantity = order.given - order.units
        elif order.side == "BUY":
            quantity = rounded((order.given - order.cash) / tell.price, UNIT, ROUND_FLOOR)
        else:
            quantity = rounded((order.given - order.value) / tell.price, UNIT, ROUND_CEILING)
            quantity = min(quantity, order.lock - order.units)
        value = order.value + quantity * tell.price
        cash = rounded(value, CENT, ROUND_CEILING if order.side == "BUY" else ROUND_FLOOR) - order.cash
        if quantity <= 0 or order.cash + cash == 0:
            return
        order.value = value
        fee = order.fee - sum((one.fee for one in order.done), ZERO)
        fee = fee if order.side == "BUY" else min(fee, cash)
        one = Done(order.side, quantity, cash, tell.price, fee, at, at)
        account = self.accounts[order.account]
        if order.side == "BUY":
            one.left, one.cost = quantity, cash + fee + (ZERO if order.done else order.outside)
            one.settles = self._settles(at, 1)
            self.locked -= cash + fee
            order.used += cash + fee
            account.available += quantity
            account.lots.append(one)
        else:
            one.settles = max([self._settles(at, 2), *self._consume(account, quantity)])
            self.available += cash - fee
            account.locked -= quantity
            order.used += quantity
        order.done.append(one)

    def _settles(self, at: datetime, days: int) -> datetime:
        if self.pace == "instant":
            return self.now
        on = business_days_after(at.astimezone(BERLIN).date(), days)
        return datetime.combine(on, time(6), UTC)

    def _consume(self, account: Account, quantity: Decimal) -> list[datetime]:
        """First in, first out; when what was used settles."""
        used: list[datetime] = []
        for lot in sorted(account.lots, key=lambda lot: lot.at):
            part = min(quantity, lot.left)
            if part > 0:
                share = lot.cost if part == lot.left else rounded(lot.cost * part / lot.left, CENT, ROUND_HALF_UP)
                lot.left, lot.cost, quantity = lot.left - part, lot.cost - share, quantity - part
                used.append(lot.settles)
        assert quantity == 0, "the model sold what it had not"
        return used

    def _settle(self) -> None:
        for one in self.executions:
            if one.status == "FILLED" and one.settles <= self.now:
                one.status = "SETTLED"
        self._close()

    def _close(self) -> None:
        """Accounts that are closing are closed once nothing is there and nothing under way."""
        for number, account in enumerate(self.accounts):
            mine = [order for order in self.orders if order.account == number]
            busy = any(one.status == "FILLED" for order in mine for one in order.done)
            working = any(order.status in OPEN for order in mine)
            if account.status == "CLOSING" and not busy and not account.locked and account.available * BID < CENT:
                account.available = ZERO  # dust
                for lot in account.lots:
                    lot.left = lot.cost = ZERO
            if account.status == "CLOSING" and not busy and not working and not account.available + account.locked:
                account.status = "CLOSED"
