"""Instruments and their prices as lite shows them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from openvest.core.lite import PageQuery, list_of, page_lite, page_of
from openvest.core.schema import ISIN_PATTERN, Id, Instant, Unused, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.instruments import model, service
from openvest.features.instruments.model import InstrumentType, LatestPrice, ListedInstrument
from openvest.features.tenants import service as tenants
from openvest.operations import LITE, Operations


class ExchangeView(View):
    """A place where instruments are traded."""

    id: str = Field(description="Id of the exchange.")
    name: str = Field(description="Name of the exchange.")
    mic: str = Field(description="Its market identifier code.")


class InstrumentView(View):
    """Something that can be traded."""

    id: Id = Field(description="Id of the instrument, the same in every installation.")
    isin: Annotated[str, Field(pattern=ISIN_PATTERN)] = Field(description="International securities number.")
    wkn: str | None = Field(default=None, description="German securities number, where one is known.")
    name: str = Field(description="Name.")
    type: InstrumentType = Field(description="What kind of security it is.")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(
        default=None, description="Currency of the preferred exchange."
    )
    exchanges: list[ExchangeView] = Field(description="Where it is traded, the preferred exchange first.")
    tradeable: bool = Field(description="Whether it can be traded now.")
    fractional_trading_enabled: bool = Field(description="Whether parts of a unit can be traded.")


InstrumentPage = page_of(InstrumentView, "instruments")


class InstrumentPriceView(View):
    """The last known price of an instrument at an exchange."""

    instrument_id: Id = Field(description="The instrument.")
    exchange_id: str = Field(description="The exchange.")
    price: str = Field(description="The last trade's price; what a seller gets where no trade is known.")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = Field(description="Currency of the price.")
    timestamp: Instant = Field(description="When it was so.")


InstrumentPriceList = list_of(InstrumentPriceView, "prices of an instrument, one for each exchange")


class InstrumentQuery(PageQuery):
    """Which instruments to list."""

    isin: Annotated[str | None, Unused] = Field(default=None, description="Only the one with this ISIN.")
    type: Annotated[InstrumentType | None, Unused] = Field(default=None, description="Only those of this type.")


instrument_lite = shown(
    InstrumentView,
    ListedInstrument,
    exchanges="venues",
    tradeable=lambda instrument: instrument["trading_status"] == "ACTIVE",
    fractional_trading_enabled="fractional_trading",
)
price_lite = shown(InstrumentPriceView, LatestPrice, exchange_id="venue_id", timestamp="at")


async def list_instruments(unit: Unit, call: Call) -> Json:
    """List instruments."""
    query: InstrumentQuery = call.query
    found = await service.list_instruments(unit, query.page_request, query.filters)
    return page_lite(found.of(await service.with_venues(unit, found.rows)), instrument_lite)


async def retrieve_instrument(unit: Unit, call: Call) -> Json:
    """Get an instrument."""
    found = await service.get_instrument(unit, call.path["instrument_id"])
    [listed] = await service.with_venues(unit, [found])
    return instrument_lite(snapshot_of(listed))


async def list_instrument_prices(unit: Unit, call: Call) -> Json:
    """List the last known price of an instrument at each exchange."""
    pace = (await tenants.get_tenant(unit)).pace
    prices = await service.latest_prices(unit, call.path["instrument_id"], pace)
    return {"data": [price_lite(snapshot_of(price)) for price in prices]}


INSTRUMENTS = Operations(LITE, "Instruments", "instruments", readers=("read",))
PRICES = Operations(LITE, "Instrument Prices", "prices", readers=("read",))
_ONE, _NAMED = "/instruments/{instrument_id}", service.ID_IN_PATH

ENDPOINTS: list[Endpoint] = [
    INSTRUMENTS.lists("/instruments", list_instruments, InstrumentPage, query=InstrumentQuery),
    INSTRUMENTS.reads(_ONE, retrieve_instrument, InstrumentView, path_types=_NAMED),
    PRICES.lists(f"{_ONE}/prices", list_instrument_prices, InstrumentPriceList, path_types=_NAMED),
]

UNTOLD = {event.type: "lite has no category for instruments; a client reads them" for event in model.EVENTS}
