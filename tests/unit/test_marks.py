"""Long lists: what marks say is what counting and skipping would say, whatever comes in behind them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openvest.catalog import INVARIANTS
from openvest.core.paging import PageRequest
from openvest.db import marks, paging
from openvest.db.paging import page
from openvest.features.orders import store
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.worker.housekeeping import keep_house
from tests.bench.copies import AS_TIME_GOES, copied
from tests.kit.cluster import Cluster
from tests.kit.orders import make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MANY = 30
LONG_AGO = "wire_now() - interval '30 days'"


@dataclass
class Long:
    """A tenant of whose orders each list is long: a mark stands after every fifth row."""

    world: Assembled
    owner: asyncpg.Connection
    tenant_id: UUID
    account_id: UUID
    order_id: UUID

    async def add(self, status: str, number: int, count: int, minutes: str = "n") -> None:
        at = f"({LONG_AGO} + {minutes} * interval '1 minute')"
        changed = {"id": AS_TIME_GOES.format(at=at), "status": f"'{status}'", "created_at": at}
        await copied(self.owner, "orders", self.order_id, count, changed, first=number)

    async def house(self) -> None:
        """Two rounds of housekeeping, some minutes apart."""
        for _ in range(2):
            await keep_house(self.world.database, None)
            await self.owner.execute("update list_marks set laid_at = laid_at - interval '6 minutes'")

    async def marked(self) -> dict[str, int]:
        """Counted marks by chain."""
        rows = await self.owner.fetch("select chain, count(ordinal) from list_marks group by 1")
        return {row[0]: row[1] for row in rows}

    async def check(self, filters: Mapping[str, Any]) -> int:
        """Every page of a list, in both orders, against all of it. Returns how many rows there are."""
        where = store.ORDERS.where(list(filters))
        ids = await self.owner.fetch(
            f"select id from orders where {where} order by id", self.tenant_id, *filters.values()
        )
        wanted = [row[0] for row in ids]
        for order in ("ASC", "DESC"):
            for offset in range(len(wanted) + 2):
                request = PageRequest(limit=3, offset=offset, order=order)
                found = await self.world.database.read(
                    self.tenant_id, lambda unit, request=request: page(unit, store.ORDERS, request, filters)
                )
                shown = wanted if order == "ASC" else wanted[::-1]
                assert [row.id for row in found.rows] == shown[offset : offset + 3], (filters, request)
                assert found.total == len(wanted), filters
        return len(wanted)

    async def broken(self) -> list[str]:
        proof = await prove_tenant(self.world.database, self.tenant_id, INVARIANTS)
        return [finding.name for finding in proof.findings if finding.name == "marks_count_rows"]


@pytest.fixture
async def long(assembled: Assembled, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Long]:
    monkeypatch.setattr(paging, "BETWEEN_MARKS", 5)
    monkeypatch.setattr(marks, "BETWEEN_MARKS", 5)
    # At the pace instant an order is filled whatever the time of the day.
    trader = await make_trader(assembled, await make_tenant(assembled.database, "Long", pace="instant"))
    order = await trader.place(cash_amount="1.00")
    name = await assembled.database.pool.fetchval("select current_database()")
    owner = await asyncpg.connect(cluster.dsn(name, "postgres"))
    made = Long(assembled, owner, trader.customer.tenant_id, trader.customer.account_id, order.id)
    await made.add("FILLED", 1, MANY, "2 * n")
    await made.add("NEW", MANY + 1, MANY, "2 * n")
    await made.house()
    try:
        yield made
    finally:
        await owner.execute("delete from orders where id <> $1", order.id)  # nobody was told of them
        await owner.close()


async def test_marked_lists_are_counted_and_shown_as_without_marks(long: Long) -> None:
    account = {"account_id": long.account_id}
    # All but the order that was placed just now, which is not settled yet.
    assert await long.marked() == {"": 12, "account_id": 12, "account_id status": 12}
    assert await long.check({}) == await long.check(account) == 2 * MANY + 1
    assert await long.check({**account, "status": "FILLED"}) == MANY + 1
    assert await long.check({"status": "FILLED"}) == MANY + 1
    assert not await long.broken()


async def test_a_row_that_comes_in_late_takes_the_marks_behind_it_away(long: Long) -> None:
    before = await long.marked()
    await long.add("FILLED", 1_000, 1, "31")
    behind = await long.marked()
    assert {chain: behind[chain] < count for chain, count in before.items()} == dict.fromkeys(before, True)
    assert await long.check({"account_id": long.account_id, "status": "FILLED"}) == MANY + 2
    assert await long.check({}) == 2 * MANY + 2
    await long.house()
    assert (await long.marked())[""] == before[""]
    assert await long.check({}) == 2 * MANY + 2
    assert not await long.broken()


async def test_an_order_that_changes_its_state_unmarks_the_two_lists_it_concerns(long: Long) -> None:
    before = await long.marked()
    order_id = await long.owner.fetchval("select id from orders where status = 'NEW' order by id limit 1")
    await long.owner.execute("update orders set status = 'FILLED' where id = $1", order_id)
    behind = await long.marked()
    assert behind == {**before, "account_id status": 6}
    filters = {"account_id": long.account_id}
    assert await long.check({**filters, "status": "FILLED"}) == MANY + 2
    assert await long.check({**filters, "status": "NEW"}) == MANY - 1
    assert not await long.broken()


async def test_a_mark_is_not_believed_before_it_is_counted(long: Long) -> None:
    await long.owner.execute("update list_marks set ordinal = null")
    assert await long.check({"account_id": long.account_id}) == 2 * MANY + 1


async def test_a_wrong_mark_is_found_by_the_proof(long: Long) -> None:
    for chain in ("", "account_id", "account_id status"):
        which = "chain = $1 and (at, id) = (select at, id from list_marks where chain = $1 order by at, id limit 1)"
        await long.owner.execute(f"update list_marks set ordinal = ordinal + 1 where {which}", chain)
        assert await long.broken() == ["marks_count_rows"]
        await long.owner.execute(f"update list_marks set ordinal = ordinal - 1 where {which}", chain)
    assert not await long.broken()
