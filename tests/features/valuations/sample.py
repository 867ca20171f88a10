"""What tests know of valuations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from openvest.core.money import ZERO
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.valuations import store
from openvest.features.valuations.model import AccountReturn
from openvest.features.valuations.store import ValuationRow
from tests.kit.orders import make_trader
from tests.kit.sample import Life, Sample

FIRST = datetime(2020, 1, 2, 23, tzinfo=UTC)


async def _ends_of_days(life: Life) -> None:
    """Of somebody who keeps what was bought."""
    trader = await make_trader(life.world, life.tenant_id, "100.00")
    await trader.place(cash_amount="100.00")
    await life.post("/tests/clock/advance", {"by": "P3D"})


async def _many(life: Life, count: int) -> None:
    account_id, now = UUID(life.ids["account_id"]), await life.now()

    async def valuation(unit: Unit, number: int) -> None:
        at, made_at = FIRST + timedelta(days=number), unit.moment_after(None)
        row = ValuationRow(
            unit.ids.new("valuation"), 1, made_at, made_at, account_id, at, Decimal(number), "EUR", []
        )  # fmt: skip
        await save(unit, store.ADD_VALUATIONS, row)
        day = now - timedelta(minutes=number)  # so that all are of the last month
        done = AccountReturn(
            unit.ids.new("account_return"), 1, made_at, made_at, account_id, day, "EUR", Decimal(number), ZERO, ZERO,
            None, None, day,
        )  # fmt: skip
        await save(unit, store.ADD_RETURNS, done)

    await life.write_many(valuation, count)


SAMPLE = Sample(
    lived=_ends_of_days,
    many=_many,
    whole={
        "lite GET /accounts/{account_id}/valuations data": "the contract gives it no pages",
        "GET /accounts/{account_id}/valuations/current security_positions": "part of one valuation",
        "lite GET /accounts/{account_id}/returns data": "one, of all days",
    },
    dated={
        "GET /accounts/{account_id}/valuations/current": "it is of the instant at which it is asked for",
    },
    never_stopped={
        "valuations.value": "it waits for the end of a day, which a clock of wall time does not give",
    },
    no_rows={
        "valuations": "the end of a day makes them",
        "account_returns": "the end of a day makes them",
    },
    refused_changes=("valuations currency = 'USD'", "valuations version = 0", "account_returns inflow = -1"),
)
