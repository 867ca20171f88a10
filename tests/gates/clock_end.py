"""Orders up to the last instant of the calendars, and behind it: each is decided, and nothing of it is left (R27)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from openvest import catalog
from openvest.core.trading_calendar import LAST_DAY
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.features.orders import service as orders_service
from openvest.features.orders.model import PlaceOrder
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.gates.gate import Run, Verdict
from tests.gates.ground import ground
from tests.kit.customers import top_up
from tests.kit.orders import Trader, X, make_trader
from tests.kit.world import make_tenant

BEGIN: Final = datetime(2040, 12, 3, 9, 30, tzinfo=UTC)
LAST_INSTANT: Final = datetime.combine(LAST_DAY, time.max, UTC)
LONDON: Final = "GB0009895292"
"""Listed in Frankfurt for EUR and in London, which has a session on the last day of the calendars, for GBP."""

_LEFT: Final = {
    "open": Query(
        str, "select order_type || ' ' || status from orders where tenant_id = $1 and status in ('NEW', 'PROCESSING')"
    ),
    "set aside": Query(str, "select sweep || ' ' || error from dead_letters where tenant_id = $1"),
    "never settled": Query(
        str, "select side || ' ' || settles_at from executions where tenant_id = $1 and status = 'FILLED'"
    ),
}
_SAID: Final = Query(
    str,
    "select status || coalesce(' ' || cancellation_reason, '') from orders where tenant_id = $1"
    " and status in ('FILLED', 'CANCELLED')",
)


def wanted(chance: Random, trader: Trader) -> PlaceOrder:
    """An order of any kind; many can never be filled at their price and rest."""
    isin, currency = chance.choice(((X, "EUR"), (LONDON, "GBP"), (LONDON, "EUR")))
    fields: dict[str, Any] = {"isin": isin, "currency": currency, "side": chance.choice(("BUY", "BUY", "SELL"))}
    if fields["side"] == "SELL":
        fields["quantity"] = chance.choice(("1", "0.5"))
    else:
        fields |= chance.choice(({"quantity": "1"}, {"cash_amount": "50"}))
    kind = fields["order_type"] = chance.choice(("MARKET", "LIMIT", "LIMIT", "STOP"))
    if kind == "LIMIT":
        fields["limit_price"] = chance.choice(("0.5", "90", "110", "1000"))
    elif kind == "STOP":
        fields["stop_price"] = chance.choice(("0.5", "100", "120", "5000"))
    elif chance.random() < 0.4:
        fields["execution_flow"] = "BLOCK"
    days = (None, None, date(2040, 12, 20), date(2040, 12, 28), LAST_DAY, LAST_DAY + timedelta(days=2))
    return trader.wanted(**fields, expiry_date=chance.choice(days))


async def ended(run: Run) -> Verdict:
    """Lives of the last weeks. The clock of every other one runs, so that its last orders come behind the calendars."""
    said: Counter[str] = Counter()
    findings: list[str] = []
    async with ground() as under:
        for number in range(run["lives"]):
            tenant_id = await _last_weeks(under.world, number, run["orders"], run.chance(str(number)))
            findings += await _left(under.world, tenant_id)
            said.update(await under.world.database.read(tenant_id, lambda unit: unit.rows(_SAID, unit.tenant_id)))
    if not said["FILLED"] or not said["CANCELLED CANCELLED_BY_TRADING_PARTNER"]:
        findings.append(f"no life to speak of: {dict(said)}")
    shown = ", ".join(f"{count} {what}" for what, count in sorted(said.items()))
    return Verdict(f"{said.total()} orders up to the last instant and behind it: {shown}; nothing left", findings)


async def _last_weeks(world: Assembled, number: int, orders: int, chance: Random) -> UUID:
    tenant_id = await make_tenant(world.database, f"End {number}", frozen_at=BEGIN)
    trader = await make_trader(world, tenant_id, "100000.00")
    await top_up(world.database, trader.customer, "100000.00", "GBP")
    await trader.place_all([trader.wanted(isin=X, quantity="20"), trader.wanted(isin=LONDON, quantity="20")])
    await trader.place_all([trader.wanted(isin=LONDON, currency="GBP", quantity="20")])
    instants = sorted(BEGIN + chance.random() * (LAST_INSTANT - BEGIN) for _ in range(6))
    for at in (*instants, datetime(2040, 12, 28, 10, tzinfo=UTC), datetime(2040, 12, 31, 9, tzinfo=UTC), LAST_INSTANT):
        if at > (await world.clockwork.show(tenant_id)).now:
            await trader.advance_to(at)
        await trader.place_all([wanted(chance, trader) for _ in range(orders // 8)])
    if number % 2 == 0:
        await world.clockwork.thaw(tenant_id)
        await world.database.write(tenant_id, lambda unit: _place(unit, trader, chance, orders // 8))
        await world.runner.run_until_quiet(tenant_id)
    return tenant_id


async def _place(unit: Unit, trader: Trader, chance: Random, count: int) -> None:
    await orders_service.place_orders(unit, [wanted(chance, trader) for _ in range(count)])


async def _left(world: Assembled, tenant_id: UUID) -> list[str]:
    """What of a life was not brought to an end, and what is wrong with its books."""
    findings: list[str] = []
    for what, query in _LEFT.items():
        found = Counter(await world.database.read(tenant_id, lambda unit, q=query: unit.rows(q, unit.tenant_id)))
        findings += [f"{what}: {count} × {one}" for one, count in found.items()]
    proof = await prove_tenant(world.database, tenant_id, catalog.INVARIANTS)
    if not proof.clean:
        findings.append(f"the books are not sound: {proof.findings}")
    return findings
