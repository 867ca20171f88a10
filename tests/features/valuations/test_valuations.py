"""What accounts are worth at the end of each day and now."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from openvest import catalog
from openvest.main import Assembled
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.orders import Trader, X, make_trader
from tests.kit.trades import filled, locked, read_instrument, trade, write
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
async def trader(assembled: Assembled) -> Trader:
    tenant_id = await make_tenant(assembled.database, "Worth", pace="calendar", frozen_at=MONDAY)
    return await make_trader(assembled, tenant_id, "1000.00")


@pytest.fixture
async def api(trader: Trader) -> AsyncGenerator[Api]:
    app = make_test_app(trader.world.database, catalog.CONTRACTS, services=trader.world)
    api = await make_apis(app, trader.world.database, trader.customer.tenant_id)
    async with api.http:
        yield api


async def read(api: Api, trader: Trader, rest: str) -> Any:
    answer = await api.get(f"/accounts/{trader.customer.account_id}/{rest}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def current(api: Api, trader: Trader, quality: str = "EOD") -> Any:
    return await read(api, trader, f"valuations/current?price_quality={quality}")


async def rest_of_week(trader: Trader) -> None:
    """More on Tuesday, sold on Thursday."""
    await trader.advance_to(at(3, 10))
    await trader.place(quantity="1")
    await trader.advance_to(at(5, 10))
    await trader.place(side="SELL", quantity="3")
    await trader.advance_to(at(9, 10))


async def test_a_week_of_an_account(trader: Trader, api: Api) -> None:
    """Bought on Monday, more on Tuesday, sold on Thursday; on Friday there is nothing to value."""
    empty = await current(api, trader)
    assert (empty["total_security_value"], empty["security_positions"]) == ({"amount": "0.00", "currency": "EUR"}, [])

    await trader.place(quantity="2")
    now = await current(api, trader)
    [row] = now["security_positions"]
    assert (row["quantity"], row["weight"], row["price_quality"]) == ("2", "1", "EOD")
    assert row["value"] == {"amount": "228.08", "currency": "EUR", "price_time": "2026-02-27T16:30:00Z"}
    live = await current(api, trader, "HIGHEST_AVAILABLE")
    assert live["price_quality"] == "HIGHEST_AVAILABLE"
    assert live["security_positions"][0]["price_quality"] == "REALTIME"
    assert (await read(api, trader, "valuations"))["data"] == []

    await rest_of_week(trader)
    history = (await read(api, trader, "valuations"))["data"]
    assert [(one["valuation_time"], one["total_security_value"]["amount"]) for one in history] == [
        ("2026-03-02T23:00:00Z", "228.08"),
        ("2026-03-03T23:00:00Z", "342.12"),
        ("2026-03-04T23:00:00Z", "342.12"),
        ("2026-03-05T23:00:00Z", "0.00"),
    ]
    assert history[0]["security_positions"][0]["instrument"]["isin"] == X
    assert history[3]["security_positions"] == []
    told = [event for event in await trader.events() if event.type == "ACCOUNT_VALUATION.CREATED"]
    assert [str(event.object_id) for event in told] == [one["id"] for one in history]

    some = await read(api, trader, "valuations?start_date=2026-03-03&end_date=2026-03-04&order=DESC")
    assert some["data"] == history[2:0:-1]
    shown = (await read(api.speaking("lite"), trader, "valuations"))["data"]
    assert [(one["id"], one["total_value"], one["valued_at"]) for one in shown] == [
        (one["id"], one["total_security_value"]["amount"], one["valuation_time"]) for one in history
    ]


async def test_the_returns_of_a_week(trader: Trader, api: Api) -> None:
    await trader.place(quantity="2")
    await rest_of_week(trader)
    returns = await read(api, trader, "returns?start_date=2026-03-01")
    assert [(one["date"], one["twr"].get("daily"), one["twr"].get("cumulative")) for one in returns["data"]] == [
        ("2026-03-02T00:00:00Z", None, None),
        ("2026-03-03T00:00:00Z", "-0.0029434908", "-0.0029434908"),  # 342.12 of 228.08 and a buy at 115.05
        ("2026-03-04T00:00:00Z", "0", "-0.0029434908"),
        ("2026-03-05T00:00:00Z", "-0.0088565416", "-0.0117739632"),  # three units at 113.03 of 342.12
    ]
    assert {one["twr"]["cumulative_start_date"] for one in returns["data"]} == {"2026-03-02T00:00:00Z"}
    assert (await read(api, trader, "returns"))["data"] == returns["data"], "the last month"
    assert (await read(api, trader, "returns?end_date=2026-03-02"))["data"] == returns["data"][:1]
    told = await trader.event_types("ACCOUNT_RETURNS")
    assert told == ["ACCOUNT_RETURNS.CREATED"] * 4
    [simple] = (await read(api.speaking("lite"), trader, "returns"))["data"]
    assert simple == {
        "account_id": str(trader.customer.account_id),
        "total_return": "-6.06",
        "total_return_percentage": "-1.7557583659",  # 345.15 were paid, 339.09 came back
        "period_start": "2026-03-02",
        "period_end": "2026-03-05",
        "currency": "EUR",
    }


async def test_a_missing_price_is_shown_as_none(trader: Trader, api: Api) -> None:
    await trader.place(quantity="2")
    trader.world.database.prices = None  # Imported prices alone, and there are none.
    for quality in ("EOD", "HIGHEST_AVAILABLE"):
        now = await current(api, trader, quality)
        assert now["total_security_value"]["amount"] == "0.00"
        [row] = now["security_positions"]
        assert (row["value"], row["weight"], row["price_quality"]) == (None, None, "NA")
    await trader.advance_to(at(3, 10))
    [kept] = (await read(api, trader, "valuations"))["data"]
    assert (kept["security_positions"], kept["total_security_value"]["amount"]) == ([row], "0.00")


async def test_which_prices_has_to_be_said(trader: Trader, api: Api) -> None:
    for query in ("", "?price_quality=NA"):
        refused = await api.get(f"/accounts/{trader.customer.account_id}/valuations/current{query}")
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == "price_quality"
    absent = await api.get(f"/accounts/{UUID(int=7)}/valuations/current?price_quality=EOD")
    assert absent.status_code == 404


async def test_days_that_were_missed_are_made_up_for_as_the_books_had_them(trader: Trader, api: Api) -> None:
    """A worker that comes late values each day with what was booked by then."""
    await trader.place(quantity="2")
    works = trader.world.runner.works
    trader.world.runner.works = [work for work in works if work.name != "valuations.value"]
    await trader.advance_to(at(4, 10))
    await trader.place(quantity="1")
    await trader.advance_to(at(5, 10))
    trader.world.runner.works = works
    await trader.rest()
    history = (await read(api, trader, "valuations"))["data"]
    assert [one["security_positions"][0]["quantity"] for one in history] == ["2", "2", "3"]


async def test_a_late_booking_restates_every_day_since(trader: Trader, api: Api) -> None:
    """A trade of Monday is booked on Wednesday: Monday and Tuesday are told again, in order, and then Wednesday."""
    await trader.place(quantity="2")
    await trader.advance_to(at(4, 10))
    before = (await read(api, trader, "valuations"))["data"]
    database, customer = trader.world.database, trader.customer
    late = trade(customer, await read_instrument(database, customer, X), "BUY", "1", "115.05")
    assert late.traded_on == at(2, 0).date()
    await write(database, late, customer, locked, filled)
    told = len(await trader.events())
    await trader.advance_to(at(5, 10))

    after = (await read(api, trader, "valuations"))["data"]
    assert [one["total_security_value"]["amount"] for one in before] == ["228.08", "228.08"]
    assert [one["total_security_value"]["amount"] for one in after] == ["342.12"] * 3
    assert [one["id"] for one in after[:2]] == [one["id"] for one in before]
    assert before[0]["updated_at"] < after[0]["updated_at"]
    assert before[0]["created_at"] == after[0]["created_at"]
    seen = [event for event in (await trader.events())[told:] if event.type.startswith("ACCOUNT_")]
    kinds = ["ACCOUNT_VALUATION.CREATED", "ACCOUNT_RETURNS.CREATED"]
    assert [event.type for event in seen] == kinds * 3
    assert [event.object_version for event in seen] == [2, 2, 2, 2, 1, 1]
    returns = (await read(api, trader, "returns"))["data"]
    assert [one["twr"].get("daily") for one in returns] == [None, "0", "0"]
    await trader.advance_to(at(6, 10))
    assert len((await trader.events())[told:]) == len(seen) + 2, "and never again"


async def test_an_account_that_is_filled_again_goes_on(trader: Trader, api: Api) -> None:
    await trader.place(quantity="2")
    await trader.advance_to(at(3, 10))
    await trader.place(side="SELL", quantity="2")
    await trader.advance_to(at(5, 10))
    await trader.place(quantity="1")
    await trader.advance_to(at(7, 10))
    returns = (await read(api, trader, "returns"))["data"]
    assert [(one["date"][:10], one["twr"].get("daily")) for one in returns] == [
        ("2026-03-02", None),
        ("2026-03-03", "-0.0088565416"),
        ("2026-03-05", "0"),
        ("2026-03-06", "0"),
    ]
    assert returns[3]["twr"]["cumulative"] == "-0.0088565416"
