"""What the database says of all members and the rules say of one come together: shares sum to what is given.

A block of any size is split by a plain sum in memory beside it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvest.core.money import ZERO, cent_down, cent_up, ratio, split, times, unit_down
from openvest.core.records import replace
from openvest.db import rows
from openvest.db.unit import Unit
from openvest.features.blocks import store
from openvest.features.blocks.model import Block, Member
from openvest.features.blocks.model_shares import netted, share_of, wanted
from openvest.features.blocks.rules import Supply, kept_to, purpose_of, with_terms
from openvest.features.executions.model import Side
from openvest.main import Assembled
from tests.kit.world import make_tenant

D = Decimal
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
EXAMPLES = 150


def a_block(side: Side, number: int) -> Block:
    return Block(
        UUID(int=number), NOW, NOW, "COLLECTING", UUID(int=1), "IE00B3XXRP09", "XETR", "EUR", side, "calendar",
        D("0.01"), 10, NOW + timedelta(days=number), D("115.05"),
    )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A block, its members, and what the street did: how the price moved, what part of the shares it traded."""

    side: Side
    orders: list[tuple[str, int]]
    quote: Decimal
    moves: Decimal
    traded: Decimal
    inventory: Decimal
    decimals: int


ORDERS = st.lists(st.tuples(st.sampled_from(["cash", "units"]), st.integers(2, 10**6)), min_size=1, max_size=12)
CASES = st.builds(
    Case,
    side=st.sampled_from(["BUY", "SELL"]),
    orders=ORDERS,
    quote=st.decimals("0.05", 500, places=2),
    moves=st.decimals("0.92", "1.1", places=3),
    traded=st.sampled_from([D(1), D(1), D("0.9"), D("0.5"), D("0.01")]),
    inventory=st.decimals(0, "1.5", places=10),
    decimals=st.sampled_from([10, 4, 10]),
)


DUST = Case("SELL", [("units", 20)] * 12, D("0.05"), D(1), D("0.05"), ZERO, 10)
"""Where all would sell a part that is worth no cent: the older sell all."""


def members_of(case: Case, block: Block) -> list[Member]:
    """As their orders were locked by the quote; sales are worth two cents at least."""
    made: list[Member] = []
    for number, (kind, size) in enumerate(case.orders):
        cash, units = None, None
        if kind == "cash":
            cash = cap = D(size).scaleb(-2)
            if case.side == "SELL":
                cap = unit_down(ratio(ratio(cash, case.quote), D("0.9")), case.decimals) + D(1).scaleb(-case.decimals)
        else:
            units = unit_down(ratio(D(size).scaleb(-2), case.quote), case.decimals) + D(1).scaleb(-case.decimals)
            cap = units if case.side == "SELL" else cent_up(ratio(times(units, case.quote), D("0.9")))
        made.append(
            Member(UUID(int=1000 + number), block.id, NOW - timedelta(minutes=number % 5), units, cash, cap,
                   case.decimals)
        )  # fmt: skip
    return made


async def judged(unit: Unit, case: Case, number: int) -> tuple[Block, list[Member], Any]:
    """The block with its terms as the service makes them, its members, and the rest of what it was decided by."""
    block = a_block(case.side, number)
    members = [changed(m, order_id=UUID(int=number * 10_000 + n)) for n, m in enumerate(members_of(case, block))]
    await rows.save(unit, store.BEGIN, block)
    await rows.save(unit, store.JOIN, *members)
    needed = await unit.one(store.SUMS, unit.tenant_id, block.id, case.quote, ZERO)
    assert needed.wanted == sum((wanted(m, case.side, case.quote) for m in members), ZERO)
    net = netted(case.side, needed.wanted, case.inventory)
    shares = unit_down(times(net.street_quantity, case.traded), 0)
    complete, price = case.traded == 1, unit_down(times(case.quote, case.moves), 4)
    free = case.inventory - net.reserve
    traded = replace(block, price=price, shares=shares, complete=complete)
    supply = Supply(complete, False, shares, net.reserve, free)
    sums = await unit.one(store.SUMS, unit.tenant_id, block.id, price, ZERO)
    assert sums.wanted == sum((wanted(m, case.side, price) for m in members), ZERO)
    purpose = purpose_of(traded, supply, sums)
    ready = purpose.block
    if ready.mode == "whole" or not ready.part:
        return replace(ready, given=purpose.total), members, supply
    if ready.mode == "share":
        ready = kept_to(purpose, await unit.one(store.SUMS, unit.tenant_id, block.id, price, ready.least))
    if ready.mode == "age":
        dealt = await unit.one(store.DEAL_BY_AGE, unit.tenant_id, block.id, price, purpose.total)
    else:
        dealt = await unit.one(
            store.DEAL, unit.tenant_id, block.id, price, ready.part, ready.weights, ready.mode == "room", ready.least,
            case.side == "SELL",
        )  # fmt: skip
    return with_terms(ready, dealt), members, supply


def lawful(case: Case, block: Block, members: list[Member], supply: Supply) -> None:
    """Σ shares is what is given; nobody gets more than its lock bears; the house is never short."""
    shares = [share_of(member, block) for member in members]
    given, price = sum(shares, ZERO), block.price or ZERO
    assert given == block.given, (case, block, shares)
    for member, share in zip(members, shares, strict=True):
        assert share >= 0 and share == unit_down(share, member.decimals)
        if case.side == "BUY":
            assert cent_up(times(share, price)) <= member.cap
            assert member.quantity is None or share <= member.quantity
        else:
            assert share <= member.cap
            assert not share or cent_down(times(share, price)) > 0 or supply.complete
    change = supply.shares - given if case.side == "BUY" else given - supply.shares
    assert change + case.inventory >= 0, (case, block, "the house is short")
    step = D(1).scaleb(-case.decimals)
    if block.mode == "share" and case.side == "BUY":
        most = unit_down(supply.shares + supply.reserve + supply.free, case.decimals)
        assert given == most, "everything there is, to the last step"
        by_age = sorted(members, key=lambda member: (member.accepted_at, member.order_id))
        weights = [wanted(member, "BUY", price) for member in by_age]
        if case.inventory == unit_down(case.inventory, case.decimals):
            found = [share_of(member, block) for member in by_age]
            assert found == split(most, weights, step), "by largest remainder, the older first among equals"
    if block.mode == "whole" and case.moves == 1 and supply.complete:
        assert change + case.inventory < 1 or change <= 0, "less than a share remains of what was traded"


async def test_a_block_of_any_size_is_shared_out(assembled: Assembled) -> None:
    tenant_id = await make_tenant(assembled.database, "Shares", frozen_at=NOW)
    cases = [DUST]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
    @given(CASES)
    def collect(case: Case) -> None:
        cases.append(case)

    await asyncio.to_thread(collect)

    modes = set[str]()

    async def work(unit: Unit) -> None:
        for number, case in enumerate(cases, 1):
            block, members, supply = await judged(unit, case, number)
            lawful(case, block, members, supply)
            modes.add(block.mode)
        unit.abandon()

    await assembled.database.write(tenant_id, work, n=0)
    assert len(cases) > EXAMPLES
    assert modes == {"whole", "share", "room", "age"}, "every way of sharing out"


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_share_of_nothing_traded(side: Side) -> None:
    block = replace(a_block(side, 1), price=None)
    assert share_of(Member(UUID(int=5), block.id, NOW, D(1), None, D(200), 10), block) == 0
