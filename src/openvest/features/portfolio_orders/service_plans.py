"""What portfolio orders come to: the facts of a set of them, and the plan of each by the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from openvest.core.money import ZERO
from openvest.db.unit import Unit
from openvest.features.orders.service_estimates import Market, markets
from openvest.features.portfolio_orders import rules, store
from openvest.features.portfolio_orders.model import Plan, StoredPortfolioOrder
from openvest.features.portfolios import service as portfolios
from openvest.features.portfolios.model import Allocation
from openvest.ledger.chart import Balance, Key, instrument_of
from openvest.ledger.posting import read_balances

Positions = Mapping[UUID, Balance]


async def plans_of(unit: Unit, found: Sequence[StoredPortfolioOrder]) -> dict[UUID, Plan]:
    """What each comes to now, those before it in the list included: what they spend is not there for it."""
    bought = [order for order in found if order.side == "BUY"]
    followed = await portfolios.allocations(unit, {order.allocation_id for order in bought})
    held = await _held(unit, {order.account_id for order in found if order.side == "SELL"})
    cash = await read_balances(unit, sorted({_cash(order) for order in bought}))
    left = {key: balance.available_for_trading for key, balance in cash.items()}
    traded = await _markets(unit, found, followed, held)
    plans = dict[UUID, Plan]()
    for order in found:
        market = traded[order.currency]
        if order.side == "SELL":
            plans[order.id] = rules.sell(order.cash_amount, _positions(market, held[order.account_id]))
            continue
        parts = _targets(market, followed[order.allocation_id])
        plan = plans[order.id] = rules.buy(order.cash_amount, left.get(_cash(order), ZERO), parts)
        if plan.orders:
            left[_cash(order)] -= sum(one.cash_amount for one in plan.orders)
    return plans


def _cash(order: StoredPortfolioOrder) -> Key:
    return Key(order.account_group_id, order.currency)


async def _held(unit: Unit, account_ids: set[UUID]) -> Mapping[UUID, Positions]:
    """What each account can sell something of, by instrument."""
    found: dict[UUID, dict[UUID, Balance]] = {one: {} for one in account_ids}
    rows = await unit.rows(store.HELD, unit.tenant_id, sorted(account_ids)) if account_ids else []
    for key, balance in (await read_balances(unit, [Key(row.account_id, row.asset) for row in rows])).items():
        found[key.owner_id][instrument_of(key.asset)] = balance
    return found


async def _markets(
    unit: Unit,
    found: Sequence[StoredPortfolioOrder],
    followed: Mapping[UUID, Allocation],
    held: Mapping[UUID, Positions],
) -> Mapping[str, Mapping[UUID, Market]]:
    """Where what these orders are about is traded, by currency."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for order in found:
        if order.side == "BUY":
            wanted[order.currency] |= {target.instrument_id for target in followed[order.allocation_id].targets}
        else:
            wanted[order.currency] |= set(held[order.account_id])
    return {currency: await markets(unit, ids, currency) for currency, ids in wanted.items()}


def _targets(market: Mapping[UUID, Market], allocation: Allocation) -> Sequence[rules.Part]:
    """What is to be bought. What is not traded comes to nothing."""

    def estimate(instrument_id: UUID) -> rules.Estimating:
        traded = market.get(instrument_id)
        return lambda amount: traded and traded.estimate("BUY", amount, None)

    return [
        rules.Part(target.instrument_id, target.isin, target.weight, estimate(target.instrument_id))
        for target in allocation.targets
    ]


def _positions(market: Mapping[UUID, Market], held: Positions) -> Sequence[rules.Part]:
    """What can be sold, by what it is worth."""

    def estimate(traded: Market, position: Balance) -> rules.Estimating:
        return lambda amount: traded.estimate("SELL", amount, position)

    return [
        rules.Part(
            instrument_id,
            traded.instrument.isin,
            traded.value(position.available_for_trading),
            estimate(traded, position),
            traded.most_by_amount(position.available_for_trading),
        )
        for instrument_id, position in held.items()
        if (traded := market.get(instrument_id)) is not None
    ]
