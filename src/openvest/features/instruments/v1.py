"""Instruments, venues and prices as v1 shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from openvest.core.clock import instant, parse_day, parse_instant
from openvest.core.money import plain
from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, Isin, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.instruments import rules, service
from openvest.features.instruments.model import Instrument, TradingStatus, Venue
from openvest.features.instruments.rules import InstrumentName
from openvest.features.tenants import service as tenants
from openvest.operations import V1, Operations
from openvest.ports.prices import Candle, Listing, Pace, Quote

# Answers


class InstrumentView(View):
    """Something that can be traded."""

    id: Id = Field(description="Id of the instrument, the same in every installation.")
    created_at: Instant = Field(description="When it was added.")
    updated_at: Instant = Field(description="When it was last changed.")
    isin: Isin | None = Field(default=None, description="International securities number.")
    wkn: Annotated[str, Field(pattern="^[A-HJ-NP-Z0-9]{6}$")] | None = Field(
        default=None, description="German securities number, where it has one."
    )
    name: Annotated[str, Field(max_length=100)] = Field(description="Name.")
    fractional_trading: bool = Field(description="Whether parts of a unit can be traded.")
    trading_status: TradingStatus = Field(description="Whether it can be traded now.")


InstrumentPage = page_of(InstrumentView, "instruments")


class InstrumentVenueView(View):
    """A venue that trades an instrument."""

    id: Id = Field(description="Id of the venue.")
    name: str = Field(description="Name of the venue.")
    price_qualities: list[Literal["EOD", "REALTIME", "DELAYED"]] = Field(description="Prices that can be read here.")


class InstrumentVenueListView(View):
    """All venues of an instrument, the preferred first."""

    data: list[InstrumentVenueView]


class PriceLevelView(View):
    """One price of a book or a trade."""

    time: Instant = Field(description="When it was so.")
    price: str = Field(description="Price in the venue's currency.")
    size: str = Field(description="Units; 0 where the source does not say.")


class LatestPriceView(View):
    """The last known prices of an instrument at a venue."""

    price_quality: Literal["REALTIME", "DELAYED"] = Field(description="How fresh the source is.")
    currency: Literal["EUR", "GBP"] = Field(description="Currency of the prices.")
    bids: list[PriceLevelView] | None = Field(default=None, description="What sellers get.")
    asks: list[PriceLevelView] | None = Field(default=None, description="What buyers pay.")
    last_trade: PriceLevelView | None = Field(default=None, description="Absent where the source knows only quotes.")


class OhlcPointView(View):
    """One interval. On a trading day without a trade open, high and low are empty strings."""

    currency: Literal["EUR", "GBP"] = Field(description="Currency of the prices.")
    time: Instant = Field(description="Start of the interval.")
    open: str = Field(description="First price.")
    high: str = Field(description="Highest price at which anything could be filled.")
    low: str = Field(description="Lowest price at which anything could be filled.")
    close: str = Field(description="Last price.")
    volume: str = Field(description="Units traded.")


class OhlcMetaView(View):
    """How many points an answer has."""

    count: int = Field(description="Points in this answer, at most 1000.")


class OhlcView(View):
    """Points in the order of time."""

    meta: OhlcMetaView
    data: list[OhlcPointView]


# Questions


def _empty_is(default: Any, parse: Callable[[str], Any]) -> BeforeValidator:
    """A query value; the empty string counts as absent."""
    return BeforeValidator(lambda value: default if value == "" else parse(value))


def _same(value: Any) -> Any:
    return value


class InstrumentQuery(PageQuery):
    """Filters and order of the list of instruments."""

    trading_status: Annotated[TradingStatus | None, _empty_is(None, _same)] = Field(
        default=None, description="Only instruments in this state."
    )
    sort: Annotated[Literal["created_at", "updated_at"], _empty_is("created_at", _same)] = Field(
        default="created_at", description="Field the list is ordered by."
    )


class LatestPriceQuery(BaseModel):
    """Which price is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price_quality: Annotated[Literal["HIGHEST_AVAILABLE"], _empty_is("HIGHEST_AVAILABLE", _same)] = Field(
        default="HIGHEST_AVAILABLE", description="The freshest price there is."
    )


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_day(value) if len(value) == 10 else parse_instant(value)
    except ValueError:
        raise ValueError("is a day (2026-01-02) or an instant with its zone (2026-01-02T09:00:00Z)") from None


def _interval(value: str) -> str:
    rules.interval_minutes(value)
    return value


_Moment = Annotated[
    date | datetime | None,
    _empty_is(None, _moment),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}),
]


class OhlcQuery(Body):
    """Which intervals are wanted."""

    start_date: _Moment = Field(default=None, description="First day or instant; without it 30 days before the end.")
    end_date: _Moment = Field(default=None, description="Last day or instant; without it yesterday.")
    adjusted_for: Annotated[Literal["ALL", "NONE"], _empty_is("ALL", _same)] = Field(
        default="ALL",
        description="Corporate actions to adjust daily prices for. Prices here are as traded and as imported: "
        "both values give the same.",
    )
    interval: Annotated[
        str,
        _empty_is("1d", _same),
        AfterValidator(_interval),
        WithJsonSchema({"type": "string", "pattern": "^(1d|[1-9][0-9]*[hm])$", "default": "1d"}),
    ] = Field(default="1d", description="A day, or minutes or hours up to a day.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        start, end = body.start_date, body.end_date
        if start is not None and end is not None and rules.ends_before(start, end):
            yield FieldError("start_date", rules.AFTER_END)


# Mapping


instrument_v1 = shown(InstrumentView, Instrument)


def venue_v1(venue: Venue) -> Json:
    return {"id": str(venue.id), "name": venue.name, "price_qualities": ["EOD", "REALTIME"]}


def latest_v1(listing: Listing, quote: Quote) -> Json:
    def level(price: Any) -> Json:
        return {"time": instant(quote.at), "price": plain(price), "size": plain(quote.size)}

    shown: dict[str, Json] = {
        "price_quality": "REALTIME",
        "currency": listing.currency,
        "bids": [level(quote.bid)],
        "asks": [level(quote.offer)],
    }
    if quote.last is not None:
        shown["last_trade"] = level(quote.last)
    return shown


def candle_v1(listing: Listing, candle: Candle) -> Json:
    prices = {"open": candle.open, "high": candle.high, "low": candle.low, "close": candle.close}
    shown = {name: "" if price is None else plain(price) for name, price in prices.items()}
    return {"currency": listing.currency, "time": instant(candle.at), **shown, "volume": plain(candle.volume)}


# Verbs


async def list_instruments(unit: Unit, call: Call) -> Json:
    """List instruments."""
    query: InstrumentQuery = call.query
    return page_v1(await service.list_instruments(unit, query.page_request, query.filters), instrument_v1)


async def retrieve_instrument(unit: Unit, call: Call) -> Json:
    """Get an instrument by its ISIN or id."""
    return instrument_v1(snapshot_of(await service.get_instrument(unit, _name(call))))


async def list_instrument_venues(unit: Unit, call: Call) -> Json:
    """List the venues that trade an instrument."""
    return {"data": [venue_v1(venue) for venue in await service.venues_of(unit, _name(call))]}


async def retrieve_latest_price(unit: Unit, call: Call) -> Json:
    """Get the last known price of an instrument at a venue."""
    listing = await service.get_listing(unit, _name(call), call.path["venue_id"])
    quote = (await service.quotes(unit, [listing], await _pace(unit)))[listing.key]
    if quote is None:
        raise rules.PriceNotFound
    return latest_v1(listing, quote)


async def list_ohlc_prices(unit: Unit, call: Call) -> Json:
    """List open, high, low and close of an instrument at a venue."""
    query: OhlcQuery = call.query
    rules.candle_window(unit.now, query.start_date, query.end_date)  # what is wrong with it is said before 404
    listing = await service.get_listing(unit, _name(call), call.path["venue_id"])
    pace = await _pace(unit)
    found = await service.candles(unit, listing, pace, query.interval, query.start_date, query.end_date)
    return {"meta": {"count": len(found)}, "data": [candle_v1(listing, candle) for candle in found]}


def _name(call: Call) -> InstrumentName:
    return call.path["instrument_id"]


async def _pace(unit: Unit) -> Pace:
    return (await tenants.get_tenant(unit)).pace


INSTRUMENTS = Operations(V1, "Instruments", "instruments", readers=("read",))
PRICES = Operations(V1, "Prices", "prices", readers=("read",))
_ONE, _NAMED = "/instruments/{instrument_id}", service.IN_PATH
_PRICES = f"{_ONE}/venues/{{venue_id}}/prices"

ENDPOINTS: list[Endpoint] = [
    INSTRUMENTS.lists("/instruments", list_instruments, InstrumentPage, query=InstrumentQuery),
    INSTRUMENTS.reads(_ONE, retrieve_instrument, InstrumentView, path_types=_NAMED),
    PRICES.lists(f"{_ONE}/venues", list_instrument_venues, InstrumentVenueListView, path_types=_NAMED),
    PRICES.reads(
        f"{_PRICES}/latest", retrieve_latest_price, LatestPriceView, query=LatestPriceQuery, path_types=_NAMED
    ),
    PRICES.lists(f"{_PRICES}/ohlc", list_ohlc_prices, OhlcView, query=OhlcQuery, path_types=_NAMED),
]

REPRESENTATIONS: Mapping[str, Representation] = {"instrument": Representation(instrument_v1, InstrumentView)}
