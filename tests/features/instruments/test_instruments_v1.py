"""Instruments, venues and prices over signed HTTP, held against the served description."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.core.ids import deterministic_id
from openvest.db.unit import Database
from openvest.declarations import Endpoint
from openvest.features.instruments import v1
from openvest.features.tenants.v1 import ENDPOINTS as TENANTS
from openvest.server.app import App
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

SAP = "DE0007164600"
SAP_ID = deterministic_id("instrument", SAP)
XETR, XLON = deterministic_id("venue", "XETR"), deterministic_id("venue", "XLON")
BOTH = "IE00B3XXRP09"
BY_OPERATION: dict[str, Endpoint] = {endpoint.operation_id: endpoint for endpoint in v1.ENDPOINTS}


@pytest.fixture
def instruments_app(database: Database) -> App:
    return make_test_app(database, [*TENANTS, *v1.ENDPOINTS])


@pytest.fixture
async def api(instruments_app: App, database: Database, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    """A client of a tenant of pace calendar, frozen at 2026-03-02 09:30 UTC, in session."""
    client = await make_api(instruments_app, database, frozen_tenant_id)
    async with client.http:
        yield client


async def get(api: Api, operation: str, target: str) -> Any:
    """The answer to a GET, which must be 200 and fit its description."""
    answer = await api.get(target)
    assert answer.status_code == 200, answer.text
    schema = BY_OPERATION[operation].answer
    assert schema is not None
    schema.model_validate(answer.json())
    return answer.json()


async def refused(api: Api, status: int, target: str, *fields: str) -> None:
    answer = await api.get(target)
    assert answer.status_code == status, answer.text
    assert {error["field"] for error in answer.json().get("errors", [])} == set(fields)


def prices(name: str = f"isin:{SAP}", venue: UUID = XETR) -> str:
    return f"/instruments/{name}/venues/{venue}/prices"


async def test_the_list_has_pages_filters_and_orders(api: Api) -> None:
    page = await get(
        api, "list_instruments", "/instruments?limit=1000&sort=updated_at&order=DESC&trading_status=ACTIVE"
    )
    meta = page["meta"]
    assert meta == meta | {"offset": 0, "limit": 1000, "sort": "updated_at", "order": "DESC"}
    assert meta["count"] == meta["total_count"] == len(page["data"]) > 100
    assert (await get(api, "list_instruments", "/instruments?trading_status=INACTIVE"))["data"] == []
    usual = await get(api, "list_instruments", "/instruments?trading_status=&sort=&offset=&limit=")
    assert usual["meta"] == usual["meta"] | {"limit": 100, "count": 100, "sort": "created_at", "order": "ASC"}
    second = await get(api, "list_instruments", "/instruments?offset=1&limit=2")
    assert second["data"] == usual["data"][1:3]


async def test_the_list_refuses_what_it_does_not_know(api: Api) -> None:
    await refused(api, 400, "/instruments?sort=name&trading_status=OPEN&limit=-1", "sort", "trading_status", "limit")
    await refused(api, 400, f"/instruments?isin={SAP}", "isin")


@pytest.mark.parametrize(
    "name",
    [
        *(f"isin:{SAP}", f"urn:isin:{SAP}", f"uuid:{SAP_ID}", f"urn:uuid:{SAP_ID}", f"uuid:{SAP_ID.hex}"),
        *(SAP, str(SAP_ID), SAP_ID.hex, f"isin%3A{SAP}"),
    ],
)
async def test_an_instrument_has_several_names(api: Api, name: str) -> None:
    shown = await get(api, "retrieve_instrument", f"/instruments/{name}")
    assert shown == shown | {"id": str(SAP_ID), "isin": SAP, "wkn": "716460", "name": "SAP SE"}
    assert shown["fractional_trading"] is True
    assert shown["trading_status"] == "ACTIVE"
    assert set(shown) == {
        *("id", "created_at", "updated_at", "isin", "wkn", "name", "fractional_trading", "trading_status")
    }


async def test_a_number_that_is_not_known_is_absent(api: Api) -> None:
    page = await get(api, "list_instruments", "/instruments?limit=1000")
    without = [shown for shown in page["data"] if "wkn" not in shown]
    assert without
    assert all(shown["wkn"] for shown in page["data"] if "wkn" in shown)


@pytest.mark.parametrize(
    "name",
    [
        *("DE0007164601", "de0007164600", str(XETR), f"urn:{SAP}", f"uuid:{SAP}", f"isin:{SAP_ID}", f"%20{SAP}"),
        *("isin:DE0007164601", "isin:de0007164600", f"uuid:{XETR}", "uuid:x", f"wkn:{SAP}"),
    ],
)
async def test_names_that_name_nothing(api: Api, name: str) -> None:
    for target in (f"/instruments/{name}", f"/instruments/{name}/venues", f"{prices(name)}/latest"):
        await refused(api, 404, target)


async def test_venues_of_an_instrument(api: Api) -> None:
    shown = await get(api, "list_instrument_venues", f"/instruments/isin:{BOTH}/venues")
    qualities = ["EOD", "REALTIME"]
    assert shown == {
        "data": [
            {"id": str(XETR), "name": "Xetra", "price_qualities": qualities},
            {"id": str(XLON), "name": "London Stock Exchange", "price_qualities": qualities},
        ]
    }


async def test_the_latest_price_is_of_the_last_point(api: Api) -> None:
    shown = await get(api, "retrieve_latest_price", f"{prices()}/latest?price_quality=HIGHEST_AVAILABLE")
    assert (shown["price_quality"], shown["currency"]) == ("REALTIME", "EUR")
    (bid,), (ask,), trade = shown["bids"], shown["asks"], shown["last_trade"]
    assert bid["time"] == ask["time"] == trade["time"] == "2026-03-02T09:30:00Z"
    assert Decimal(bid["price"]) < Decimal(trade["price"]) < Decimal(ask["price"])
    assert Decimal(bid["size"]) > 0
    assert await get(api, "retrieve_latest_price", f"{prices()}/latest") == shown


async def test_the_sandbox_table_is_served(api: Api) -> None:
    shown = await get(api, "retrieve_latest_price", f"{prices('isin:' + BOTH)}/latest")
    assert [shown[side][0]["price"] for side in ("bids", "asks")] == ["113.03", "115.05"]
    assert "last_trade" not in shown


async def test_prices_at_the_pace_instant(instruments_app: App, database: Database) -> None:
    tenant = await make_tenant(database, "Tenant I", pace="instant")
    api = await make_api(instruments_app, database, tenant)
    async with api.http:
        shown = await get(api, "retrieve_latest_price", f"{prices()}/latest")
        assert [shown[side][0]["price"] for side in ("bids", "asks")] == ["100", "100"]
        candles = await get(api, "list_ohlc_prices", f"{prices()}/ohlc?start_date=2026-02-23&end_date=2026-02-27")
        assert [point["close"] for point in candles["data"]] == ["100"] * 5


async def test_prices_at_a_venue_that_does_not_trade_it(api: Api) -> None:
    await refused(api, 404, f"{prices(venue=XLON)}/latest")
    await refused(api, 404, f"{prices(venue=SAP_ID)}/ohlc")
    await refused(api, 400, f"{prices()}/latest?price_quality=EOD", "price_quality")


async def test_candles_by_day_and_by_interval(api: Api) -> None:
    usual = await get(api, "list_ohlc_prices", f"{prices()}/ohlc")
    assert usual["meta"]["count"] == len(usual["data"])
    times = [point["time"] for point in usual["data"]]
    assert (times[0], times[-1]) == ("2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z")
    assert times == sorted(set(times))
    same = await get(
        api, "list_ohlc_prices", f"{prices()}/ohlc?start_date=&end_date=2026-03-01&interval=&adjusted_for=NONE"
    )
    assert same == usual
    hours = await get(
        api, "list_ohlc_prices", f"{prices()}/ohlc?start_date=2026-02-27&end_date=2026-02-27T10:30:00Z&interval=1h"
    )
    assert [point["time"] for point in hours["data"]] == [f"2026-02-27T{hour:02}:00:00Z" for hour in (8, 9, 10)]
    day = usual["data"][-1]
    for point in hours["data"]:
        assert Decimal(day["low"]) <= Decimal(point["low"]) <= Decimal(point["high"]) <= Decimal(day["high"])
        assert point["currency"] == "EUR"


@pytest.mark.parametrize(
    "query",
    [
        "end_date=0001-01-01",
        "end_date=2019-12-31",
        "start_date=2026-03-03&end_date=2026-03-04",
        "start_date=9999-12-31&end_date=9999-12-31",
    ],
)
async def test_no_candles_before_the_calendars_and_after_now(api: Api, query: str) -> None:
    assert await get(api, "list_ohlc_prices", f"{prices()}/ohlc?{query}") == {"meta": {"count": 0}, "data": []}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("start_date=0001-01-01T00:00:00%2B14:00", ["start_date"]),
        ("end_date=9999-12-31T23:59:59-14:00", ["end_date"]),
        ("interval=2d", ["interval"]),
        ("interval=0m", ["interval"]),
        ("interval=1dx", ["interval"]),
        ("interval=25h", ["interval"]),
        ("start_date=2026-13-01&end_date=yesterday", ["start_date", "end_date"]),
        ("start_date=2026-02-02T09:00:00", ["start_date"]),
        ("start_date=2026-02-02&end_date=2026-02-01", ["start_date"]),
        ("start_date=2026-02-02&end_date=2026-02-01&interval=2d", ["interval", "start_date"]),
        ("adjusted_for=SPLITS", ["adjusted_for"]),
        ("interval=5m", ["interval"]),
        ("offset=1", ["offset"]),
    ],
)
async def test_questions_for_candles_that_are_refused(api: Api, query: str, fields: list[str]) -> None:
    await refused(api, 400, f"{prices()}/ohlc?{query}", *fields)


@pytest.mark.parametrize("query", ["start_date=2026-02-02&end_date=2026-02-01", "start_date=2126-02-02"])
async def test_a_question_that_is_none_is_refused_before_the_instrument_is_looked_for(api: Api, query: str) -> None:
    nowhere = f"/instruments/uuid:{uuid4()}/venues/{uuid4()}/prices/ohlc"
    await refused(api, 400, f"{nowhere}?{query}", "start_date")
    await refused(api, 404, nowhere)


async def test_scopes(instruments_app: App, database: Database, frozen_tenant_id: UUID) -> None:
    api = await make_api(instruments_app, database, frozen_tenant_id, scopes="instruments:read prices:read")
    async with api.http:
        for scope, allowed, target in (
            ("instruments:read", 200, f"/instruments/isin:{SAP}"),
            ("prices:read", 403, "/instruments"),
            ("prices:read", 200, f"/instruments/isin:{SAP}/venues"),
            ("instruments:read", 403, f"{prices()}/latest"),
        ):
            await api.fetch_token([scope])
            assert (await api.get(target)).status_code == allowed
