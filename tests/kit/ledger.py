"""A desk that trades for one customer or several: it posts what features post, and reads the books back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.money import ZERO, Money
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.ledger.audit import Proof, prove_tenant
from openvest.ledger.chart import Balance, Key, units_of
from openvest.ledger.lot_book import add_lots, give_back, open_lots, use_lots
from openvest.ledger.lots import bought_lot, consume, take_back
from openvest.ledger.posting import Posted, balances_for_update, post, read_balances
from openvest.ledger.posting_rules import Journal, reserve_cash, reserve_units, topup
from openvest.ledger.trades import StreetTrade, Trade, execution_cancellation, order_execution

DAY = date(2026, 3, 2)
NEXT_DAY = date(2026, 3, 3)

Sums = dict[tuple[str, str, str], Decimal]
"""What was booked, by owner's name, bucket and asset's name."""


@dataclass(frozen=True, slots=True)
class Line:
    owner_id: UUID | None
    asset: str
    bucket: str
    amount: Decimal


ENTRIES = Query(
    Line,
    """
select b.owner_id, e.asset, e.bucket, e.amount
  from entries e
  join journals j on j.tenant_id = e.tenant_id and j.id = e.journal_id
  left join balances b on b.tenant_id = e.tenant_id and b.id = e.balance_id
 where e.tenant_id = $1 and (j.kind, j.object_id) in (select * from unnest($2::text[], $3::uuid[]))
""",
)


@dataclass
class Desk:
    """Names stand for ids: G, G1 … are groups, A, A1 … their accounts, X, Y … instruments, anything else an object."""

    database: Database
    tenant_id: UUID
    names: dict[UUID, str] = field(default_factory=dict[UUID, str])

    def id(self, name: str) -> UUID:
        made = deterministic_id("desk", name)
        self.names[made] = name
        return made

    def asset(self, name: str) -> str:
        return name if len(name) == 3 else units_of(self.id(name))

    def key(self, owner: str, asset: str) -> Key:
        return Key(self.id(owner), self.asset(asset))

    def trade(self, name: str, order: str, side: str, quantity: str, cash: str, **more: object) -> Trade:
        """An execution of instrument X for G and A, unless told otherwise."""
        customer = str(more.pop("customer", ""))
        return Trade(
            execution_id=self.id(name),
            order_id=self.id(order),
            side="BUY" if side == "BUY" else "SELL",
            group_id=self.id("G" + customer),
            account_id=self.id("A" + customer),
            instrument_id=self.id(str(more.pop("instrument", "X"))),
            currency="EUR",
            quantity=Decimal(quantity),
            cash=Decimal(cash),
            traded_on=DAY,
            settles_on=NEXT_DAY,
            **more,  # type: ignore[arg-type]  # the rest are optional fields of a trade, by name
        )

    def street(self, name: str, side: str, quantity: str, cash: str) -> StreetTrade:
        way = "BUY" if side == "BUY" else "SELL"
        return StreetTrade(self.id(name), way, self.id("X"), "EUR", Decimal(quantity), Decimal(cash), DAY, NEXT_DAY)

    async def post(self, *journals: Journal) -> list[Posted]:
        return await self.database.write(self.tenant_id, lambda unit: post(unit, journals))

    async def fund(self, amount: str, customer: str = "") -> None:
        """Money from nowhere in particular: a top-up."""
        count = len(self.names)
        await self.post(topup(self.id(f"funds {count}"), self.id("G" + customer), "EUR", Decimal(amount), DAY))

    async def hold(self, quantity: str, cost: str, instrument: str = "X", customer: str = "") -> Trade:
        """Units bought and paid for with a top-up, not settled yet."""
        number = len(self.names)
        trade = self.trade(
            f"holding {number}", f"order {number}", "BUY", quantity, cost, instrument=instrument, customer=customer
        )
        await self.fund(cost, customer)
        await self.post(reserve_cash(trade.order_id, trade.group_id, "EUR", trade.cash, DAY))
        await self.fill(trade)
        return trade

    async def fill(self, *trades: Trade) -> list[Posted]:
        """Executions with their lots, as orders book them."""

        async def work(unit: Unit) -> list[Posted]:
            posted = await post(unit, [order_execution(trade) for trade in trades])
            for trade in trades:
                await self._lots(unit, trade)
            return posted

        return await self.database.write(self.tenant_id, work)

    async def _lots(self, unit: Unit, trade: Trade) -> None:
        at = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
        if trade.side == "BUY":
            cost = Money(trade.cash + trade.fee, trade.currency)
            lot = bought_lot(trade.execution_id, trade.account_id, trade.instrument_id, at, trade.quantity, cost)
            await add_lots(unit, [lot])
            return
        holding = (trade.account_id, trade.instrument_id)
        uses, _ = consume((await open_lots(unit, [holding]))[holding], trade.quantity, trade.execution_id)
        await use_lots(unit, uses)

    async def cancel(self, trade: Trade, street_on: date | None = None) -> Posted:
        """A mistrade, with its lots."""

        async def work(unit: Unit) -> Posted:
            [posted] = await post(unit, [execution_cancellation(trade, NEXT_DAY, street_on=street_on)])
            if trade.side == "SELL":
                await give_back(unit, [trade.execution_id])
                return posted
            holding = (trade.account_id, trade.instrument_id)
            taken = -posted.amount(Key(trade.account_id, units_of(trade.instrument_id)), "available")
            uses, _ = take_back((await open_lots(unit, [holding]))[holding], trade.execution_id, taken)
            await use_lots(unit, uses)
            return posted

        return await self.database.write(self.tenant_id, work)

    async def booked(self, *posted: Posted) -> Sums:
        """What stands in the database for these journals, summed."""
        kinds, objects = [p.journal.kind for p in posted], [p.journal.object_id for p in posted]
        lines = await self.database.read(
            self.tenant_id, lambda unit: unit.rows(ENTRIES, self.tenant_id, kinds, objects)
        )
        return summed(
            (
                "H" if line.owner_id is None else self.names[line.owner_id],
                line.bucket,
                line.asset if len(line.asset) == 3 else self.names[UUID(line.asset)],
                line.amount,
            )
            for line in lines
        )

    async def balance(self, owner: str, asset: str) -> Balance:
        key = self.key(owner, asset)
        found = await self.database.read(self.tenant_id, lambda unit: read_balances(unit, [key]))
        return found[key]

    async def cash(self, owner: str = "G") -> str:
        """balance / locked / pending / withdrawable / tradable, as numbers without trailing zeros."""
        b = await self.balance(owner, "EUR")
        return row(
            b.balance, b.locked_for_trading, b.pending_settlement, b.available_for_withdrawal, b.available_for_trading
        )

    async def position(self, asset: str, owner: str = "A") -> str:
        """quantity / locked / pending / tradable / settled."""
        b = await self.balance(owner, asset)
        return row(b.balance, b.locked_for_trading, b.pending_settlement, b.available_for_trading, b.settled_quantity)

    async def lock(self, order: str, amount: str, customer: str = "", instrument: str = "") -> Posted:
        if instrument:
            [posted] = await self.post(
                reserve_units(self.id(order), self.id("A" + customer), self.id(instrument), Decimal(amount), DAY)
            )
        else:
            [posted] = await self.post(
                reserve_cash(self.id(order), self.id("G" + customer), "EUR", Decimal(amount), DAY)
            )
        return posted

    async def running(self, *keys: Key) -> dict[Key, Balance]:
        return await self.database.write(self.tenant_id, lambda unit: balances_for_update(unit, keys))

    async def prove(self) -> Proof:
        return await prove_tenant(self.database, self.tenant_id)

    async def check(self, posted: Posted | list[Posted], text: str, cash: str = "", **positions: str) -> None:
        """Entries as in the catalogue, figures as in the catalogue, no law broken. A position named X is that of A."""
        assert await self.booked(*(posted if isinstance(posted, list) else [posted])) == entries(text)
        if cash:
            assert await self.cash() == figures(cash)
        for name, expected in positions.items():
            assert await self.position(name) == figures(expected), name
        proof = await self.prove()
        assert proof.clean, proof.findings


def row(*figures: Decimal) -> str:
    return " / ".join(format(figure.normalize() + ZERO, "f") for figure in figures)


def figures(text: str) -> str:
    """A row of published figures as the document writes it, without trailing zeros."""
    return row(*(Decimal(part.strip()) for part in text.split("/")))


def summed(entries: Iterable[tuple[str, str, str, Decimal]]) -> Sums:
    sums: Sums = {}
    for owner, bucket, asset, amount in entries:
        sums[owner, bucket, asset] = sums.get((owner, bucket, asset), ZERO) + amount
    return {key: amount for key, amount in sums.items() if amount}


def entries(text: str) -> Sums:
    """Entries as the posting catalogue writes them: `G.available EUR +1000.00`, one a line."""
    found: list[tuple[str, str, str, Decimal]] = []
    for line in text.strip().splitlines():
        place, asset, amount = line.split()
        owner, bucket = place.split(".")
        found.append((owner, bucket, asset, Decimal(amount)))
    return summed(found)
