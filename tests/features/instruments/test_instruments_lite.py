"""Instruments and prices over lite, beside what v1 says of the same."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.core.ids import deterministic_id
from openvest.db.unit import Database
from openvest.features.instruments.model import InstrumentType
from tests.kit.http import Api, make_apis, make_test_app

pytestmark = pytest.mark.anyio

SAP = "DE0007164600"
SAP_ID = str(deterministic_id("instrument", SAP))
BOTH = "IE00B3XXRP09"
"""Traded at two venues, in two currencies."""


@pytest.fixture
async def v1(database: Database, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    """The clients of a tenant of pace calendar, frozen in session."""
    api = await make_apis(make_test_app(database, catalog.CONTRACTS), database, frozen_tenant_id)
    async with api.http:
        yield api


@pytest.fixture
def api(v1: Api) -> Api:
    return v1.speaking("lite")


async def got(api: Api, target: str) -> Any:
    answer = await api.get(target)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_instrument_has_its_exchanges_and_is_found_by_id_or_isin(v1: Api, api: Api) -> None:
    shown, known = await got(api, f"/instruments/{SAP_ID}"), await got(v1, f"/instruments/{SAP}")
    assert shown == await got(api, f"/instruments/{SAP}")
    same = ("id", "isin", "wkn", "name")
    assert [shown[name] for name in same] == [known[name] for name in same]
    assert shown["fractional_trading_enabled"] == known["fractional_trading"]
    assert (shown["type"], shown["currency"], shown["tradeable"]) == ("EQUITY", "EUR", True)
    assert shown["exchanges"] == [{"id": str(deterministic_id("venue", "XETR")), "name": "Xetra", "mic": "XETR"}]
    both = await got(api, f"/instruments/{BOTH}")
    assert [exchange["mic"] for exchange in both["exchanges"]] == ["XETR", "XLON"]
    for unknown in (str(uuid4()), "US0000000000", "no name"):
        assert (await api.get(f"/instruments/{unknown}")).status_code == 404


async def test_the_list_has_pages_and_filters(api: Api) -> None:
    page = await got(api, "/instruments")
    assert page["meta"] == {"offset": 0, "limit": 20, "count": 20, "total": page["meta"]["total"]}
    assert (await got(api, "/instruments?offset=1&limit=2"))["data"] == page["data"][1:3]
    assert page["data"][0] == await got(api, f"/instruments/{page['data'][0]['id']}")
    assert [one["id"] for one in (await got(api, f"/instruments?isin={SAP}"))["data"]] == [SAP_ID]
    assert (await got(api, "/instruments?isin=none"))["data"] == []
    totals = {
        kind: (await got(api, f"/instruments?type={kind}&limit=100"))["meta"]["total"]
        for kind in get_args(InstrumentType)
    }
    assert min(totals.values()) > 0 and sum(totals.values()) == page["meta"]["total"]
    of_type = (await got(api, "/instruments?type=BOND&limit=100"))["data"]
    assert {one["type"] for one in of_type} == {"BOND"} and len(of_type) == totals["BOND"]
    for wrong in ("limit=101", "limit=0", "type=OPTION", "sort=name", "trading_status=ACTIVE"):
        assert (await api.get(f"/instruments?{wrong}")).status_code == 400


async def test_an_instrument_has_a_price_at_each_exchange(v1: Api, api: Api) -> None:
    shown = (await got(api, f"/instruments/{BOTH}/prices"))["data"]
    assert [price["instrument_id"] for price in shown] == [str(deterministic_id("instrument", BOTH))] * 2
    for price in shown:
        latest = await got(v1, f"/instruments/{BOTH}/venues/{price['exchange_id']}/prices/latest")
        [told] = [latest["last_trade"]] if "last_trade" in latest else latest["bids"]
        assert (price["price"], price["timestamp"]) == (told["price"], told["time"])
        assert price["currency"] == latest["currency"]
    assert (await api.get(f"/instruments/{uuid4()}/prices")).status_code == 404
