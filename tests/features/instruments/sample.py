"""What tests know of instruments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from tests.kit.orders import X
from tests.kit.sample import Life, Sample

if TYPE_CHECKING:
    from tests.gates.pauses import Field

INSTRUMENT = f"/instruments/isin:{X}"
_OF_ONE = "what one instrument has, and the contract gives it no pages"


async def _prices(life: Life) -> None:
    venues = await life.get(f"{INSTRUMENT}/venues")
    for what in ("latest", "ohlc"):
        await life.get(f"{INSTRUMENT}/venues/{venues['data'][0]['id']}/prices/{what}")


async def _an_import(field: Field, number: int) -> None:
    file = field.stage.root / "instruments.csv"
    columns = "isin,name,type,venues,currencies,tick_sizes,reference_prices,fractional_trading"
    file.write_text(f"{columns}\nUS0378331005,Import {number},EQUITY,XETR,EUR,0.01,100.00,false\n", encoding="utf-8")
    await asyncio.to_thread(field.stage.run, "instruments", "import", str(file))


SAMPLE = Sample(
    constants={"instrument_id": f"isin:{X}", "venue_id": str(UUID(int=0))},
    lived=_prices,
    texts=frozenset("end_date interval isin start_date".split()),
    whole={
        "GET /instruments/{instrument_id}/venues data": _OF_ONE,
        "lite GET /instruments/{instrument_id} exchanges": _OF_ONE,
        "lite GET /instruments/{instrument_id}/prices data": _OF_ONE,
        "GET /instruments/{instrument_id}/venues/{venue_id}/prices/latest bids": _OF_ONE,
        "GET /instruments/{instrument_id}/venues/{venue_id}/prices/latest asks": _OF_ONE,
        "GET /instruments/{instrument_id}/venues/{venue_id}/prices/ohlc data": (
            "bounded by the days and interval asked for"
        ),
    },
    dated={
        "lite GET /instruments/{instrument_id}/prices": "at the pace instant a price is of the moment it is asked for"
    },
    occasions={"instruments.tell": _an_import},
    never_due={
        "instruments.tell": "comes of an import, which is no request; test_instrument_news tells twice",
    },
    made_with_tenant=("instrument_cursors",),
)
