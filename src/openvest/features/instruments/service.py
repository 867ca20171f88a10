"""Verbs: find instruments and their listings, ask for prices, import.

What reads takes the unit of work. What writes takes a connection of the schema's owner, since instruments and prices
belong to no tenant and the application role can only read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.core.snapshots import text_of
from openvest.core.trading_calendar import ONE_DAY
from openvest.db.paging import page
from openvest.db.remembering import remembered
from openvest.features.instruments import rules, rules_changes, rules_import, store
from openvest.features.instruments.model import ImportDone, Instrument, LatestPrice, ListedInstrument, Venue
from openvest.features.instruments.rules import InstrumentName
from openvest.features.instruments.service_news import Before
from openvest.ports.prices import (
    Candle,
    Imported,
    ImportedBar,
    ImportedQuote,
    Listing,
    Pace,
    Point,
    Prices,
    Quote,
)
from openvest.ports.stored_prices import StoredPrices

if TYPE_CHECKING:
    from openvest.db.unit import Connection, Unit

R = TypeVar("R")
Key = tuple[UUID, UUID]
_CHUNK = 5000
_STORED = StoredPrices()
IN_PATH = {"instrument_id": rules.NAME_IN_PATH}
"""How paths name an instrument."""
ID_IN_PATH = {"instrument_id": rules.ID_IN_PATH}
"""The same where the description says UUID alone."""
_listed = filled(ListedInstrument, Instrument, beside="currency venues")
_venue = filled(Venue, store.InstrumentVenue)


# Finding


async def list_instruments(
    unit: Unit, request: PageRequest, filters: Mapping[str, str | None] = {}
) -> Page[Instrument]:
    """A page of all instruments, or of those that the filters leave."""
    return await page(unit, store.INSTRUMENTS, request, filters)


async def with_venues(unit: Unit, found: Sequence[Instrument]) -> list[ListedInstrument]:
    """These instruments with where they trade."""
    venues: dict[UUID, list[store.InstrumentVenue]] = {instrument.id: [] for instrument in found}
    for venue in await unit.rows(store.VENUES_OF_EACH, list(venues)):
        venues[venue.instrument_id].append(venue)
    return [
        _listed(
            instrument,
            currency=next((venue.currency for venue in venues[instrument.id]), None),
            venues=tuple(_venue(venue) for venue in venues[instrument.id]),
        )
        for instrument in found
    ]


async def get_instrument(unit: Unit, name: InstrumentName) -> Instrument:
    """An instrument as a path names it. Raises: InstrumentNotFound."""
    query, value = (store.INSTRUMENT_BY_ISIN, name.isin) if name.isin else (store.INSTRUMENT_BY_ID, name.id)
    found = await unit.row(query, value)
    if found is None:
        raise rules.InstrumentNotFound
    return found


async def by_isin(unit: Unit, isins: Iterable[str]) -> dict[str, Instrument]:
    """The known ones among these ISINs."""
    return {found.isin: found for found in await unit.rows(store.INSTRUMENTS_BY_ISIN, sorted(set(isins)))}


def id_of_name(text: str) -> UUID | None:
    """The id of the instrument that a text names, by its ISIN or its id; None where it is neither."""
    try:
        return rules.id_of(rules.parse_name(text))
    except ValueError:
        return None


async def named(unit: Unit, names: Iterable[str | UUID]) -> dict[str | UUID, Instrument]:
    """The known ones among these instruments, each by the name it was given: its ISIN or its id."""
    return await remembered(unit, "instruments", set(names), _named)


async def _named(unit: Unit, wanted: Iterable[str | UUID]) -> dict[str | UUID, Instrument]:
    isins, ids = {name for name in wanted if isinstance(name, str)}, {one for one in wanted if isinstance(one, UUID)}
    found: dict[str | UUID, Instrument] = {**(await by_isin(unit, isins))} if isins else {}
    return {**found, **(await by_id(unit, ids))} if ids else found


async def by_id(unit: Unit, ids: Iterable[UUID]) -> dict[UUID, Instrument]:
    """The known ones among these ids."""
    return {found.id: found for found in await unit.rows(store.INSTRUMENTS_BY_ID, sorted(set(ids)))}


async def venues_of(unit: Unit, name: InstrumentName) -> list[Venue]:
    """The venues of an instrument, the preferred first. Raises: InstrumentNotFound."""
    return await unit.rows(store.VENUES_OF, (await get_instrument(unit, name)).id)


async def listings(unit: Unit, instrument_ids: Iterable[UUID]) -> dict[UUID, list[Listing]]:
    """The listings of each of these instruments, the preferred first."""
    found: dict[UUID, list[Listing]] = {}
    for listing in await unit.rows(store.LISTINGS, sorted(set(instrument_ids))):
        found.setdefault(listing.instrument_id, []).append(listing)
    return found


def home_venue(of_instrument: Sequence[Listing], currency: str) -> Listing | None:
    """Where an order in this currency goes: the preferred listing that trades it, or None."""
    return rules.home_listing(of_instrument, currency)


async def get_listing(unit: Unit, name: InstrumentName, venue_id: UUID) -> Listing:
    """An instrument at a venue. Raises: InstrumentNotFound, VenueNotFound."""
    found = await unit.row(store.LISTING, (await get_instrument(unit, name)).id, venue_id)
    if found is None:
        raise rules.VenueNotFound
    return found


# Prices


def market(unit: Unit) -> Prices:
    """Who is asked for prices: what the composition root handed in, else imported prices alone."""
    return unit.database.prices or _STORED


async def imported(unit: Unit, asked: Iterable[Listing], since: datetime, until: datetime) -> dict[Key, Imported]:
    """What was imported for these listings, as far as questions about [since, until] need it; most have nothing.

    Why whole days: which rows count is a matter of their day, and what lies after the close counts at the close.
    """
    since, until = _midnight(since), _midnight(until) + ONE_DAY
    keys = sorted({listing.key for listing in asked})
    ranges = await unit.rows(store.RANGES, [key[0] for key in keys], [key[1] for key in keys])
    if not ranges:
        return {}
    window = [row.instrument_id for row in ranges], [row.venue_id for row in ranges], since, until
    bars: dict[Key, list[ImportedBar]] = {}
    for b in await unit.rows(store.BARS, *window):
        bar = ImportedBar(b.at, b.ends_at, b.minutes, b.open, b.high, b.low, b.close, b.volume)
        bars.setdefault((b.instrument_id, b.venue_id), []).append(bar)
    quotes: dict[Key, list[ImportedQuote]] = {}
    for q in await unit.rows(store.QUOTES, *window):
        quotes.setdefault((q.instrument_id, q.venue_id), []).append(ImportedQuote(q.at, q.bid, q.offer))
    return {
        key: Imported(row.first_on, row.last_on, bars.get(key, ()), quotes.get(key, ()))
        for row in ranges
        for key in [(row.instrument_id, row.venue_id)]
    }


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)


async def quotes(
    unit: Unit, asked: Iterable[Listing], pace: Pace, at: datetime | None = None
) -> dict[Key, Quote | None]:
    """What was known of each listing at an instant (now, unless given), by `listing.key`. None: no price ever."""
    instant = unit.now if at is None else at
    wanted = {listing.key: listing for listing in asked}
    rows = await imported(unit, wanted.values(), instant, instant) if pace == "calendar" else {}
    ask = market(unit).quote
    return {key: ask(listing, instant, pace, rows.get(key)) for key, listing in wanted.items()}


async def latest_prices(unit: Unit, name: InstrumentName, pace: Pace) -> list[LatestPrice]:
    """The last known price at each venue of an instrument, the preferred first. Raises: InstrumentNotFound."""
    instrument = await get_instrument(unit, name)
    listed = (await listings(unit, [instrument.id])).get(instrument.id, [])
    known = await quotes(unit, listed, pace)
    return [
        LatestPrice(listing.instrument_id, listing.venue_id, _one_price(quote), listing.currency, quote.at)
        for listing in listed
        if (quote := known[listing.key]) is not None
    ]


def _one_price(quote: Quote) -> Decimal:
    """The last trade's or, where the source knows none, what a seller gets."""
    return quote.bid if quote.last is None else quote.last


async def points(
    unit: Unit,
    listing: Listing,
    pace: Pace,
    on: date,
    after: datetime,
    until: datetime,
    *,
    looked: datetime | None = None,
) -> list[Point]:
    """The points of the venue day `on` for an order active since `after`, up to `until`; see `Prices.points`."""
    start = datetime.combine(on, time(), UTC)
    rows = await imported(unit, [listing], start, start) if pace == "calendar" else {}
    return market(unit).points(listing, on, after, until, pace, rows.get(listing.key), looked=looked)


async def candles(
    unit: Unit, listing: Listing, pace: Pace, interval: str, start: date | datetime | None, end: date | datetime | None
) -> list[Candle]:
    """The candles of the asked time, none of the future. Raises: InvalidRequest (order of the ends, too many)."""
    minutes = rules.interval_minutes(interval)
    first, until = rules.candle_window(unit.now, start, end)
    if first > until:
        return []
    rows = await imported(unit, [listing], first, until) if pace == "calendar" else {}
    most = rules.MOST_CANDLES
    found = market(unit).candles(listing, first, until, minutes, pace, most + 1, rows.get(listing.key))
    if len(found) > most:
        raise rules.too_many_candles()
    return found


# Writing, as the owner of the schema


async def load_master(connection: Connection) -> int:
    """Add the venues, and the instruments of the shipped master that are not there yet. Returns how many were new.

    Why only new ones: what an import changed stays changed. Writes: venues, instruments, instrument_venues.
    """
    text = (files("openvest.features.instruments") / "data" / "instruments.csv").read_text(encoding="utf-8")
    rows = rules_import.parse_instruments(text.splitlines())
    async with connection.transaction():
        await connection.execute(store.LOCK_IMPORTS.sql)
        await _put_venues(connection)
        added = await connection.fetch(store.ADD_INSTRUMENTS.sql, *_instrument_columns(rows))
        new = {record[0] for record in added}
        await _put_listings(connection, [row for row in rows if row.id in new])
    return len(new)


async def import_instruments(connection: Connection, lines: Iterable[str]) -> ImportDone:
    """Add and change instruments from a CSV file with `INSTRUMENT_COLUMNS`. A listing it does not name stays.

    Raises: ImportRefused, and nothing is changed.
    Writes: venues, instruments, instrument_venues, instrument_changes, clocks.
    """
    rows = sorted(rules_import.parse_instruments(lines), key=lambda row: row.isin)
    async with connection.transaction():
        await connection.execute(store.LOCK_IMPORTS.sql)
        await _put_venues(connection)
        changed = 0
        for chunk in _chunks(rows):
            changed += await _put_changed(connection, chunk)
            await _put_listings(connection, chunk)
        if changed:
            await connection.execute(store.DISTURB_FROZEN.sql)
    return ImportDone("instruments", len(rows))


async def import_prices(connection: Connection, lines: Iterable[str]) -> ImportDone:
    """Add prices from a CSV file with `BAR_COLUMNS` or `QUOTE_COLUMNS`; a price known for the instant is replaced.

    Raises: ImportRefused, and nothing is changed. Writes: bars or quotes, imported_ranges.
    """
    known = [Listing(*record) for record in await connection.fetch(store.ALL_LISTINGS.sql)]
    read = rules_import.parse_prices(lines, {(listing.isin, listing.mic): listing for listing in known})
    async with connection.transaction():
        for chunk in _chunks(read.bars):
            await connection.execute(store.PUT_BARS.sql, *_columns(chunk))
        for chunk in _chunks(read.quotes):
            await connection.execute(store.PUT_QUOTES.sql, *_columns(chunk))
        ranges = [(*key, first, last) for key, (first, last) in sorted(read.days().items())]
        if ranges:
            await connection.execute(store.PUT_RANGES.sql, *map(list, zip(*ranges, strict=True)))
    return ImportDone(read.kind, len(read.bars) + len(read.quotes))


async def _put_changed(connection: Connection, lines: Sequence[rules_import.InstrumentRow]) -> int:
    """Add and change the instruments these lines say something new of, and keep what tenants are to be told of it."""
    ids = [line.id for line in lines]
    found = await connection.fetch(store.INSTRUMENTS_BY_ID.sql, ids)
    listed: dict[UUID, list[Listing]] = {}
    for record in await connection.fetch(store.LISTINGS.sql, ids):
        listed.setdefault(record["instrument_id"], []).append(Listing(*record))
    before = {record["id"]: Before(Instrument(*record), tuple(listed.get(record["id"], ()))) for record in found}
    types: dict[UUID, Sequence[str]] = {}
    for line in lines:
        old = before.get(line.id)
        types[line.id] = rules_changes.changes_of(old and old.instrument, line, old.listings if old else ())
    changed = [line for line in lines if types[line.id]]
    if changed:
        put = await connection.fetch(store.PUT_INSTRUMENTS.sql, *_instrument_columns(changed))
        now = [Instrument(*record) for record in put]
        await note_changes(connection, [(one, types[one.id], before.get(one.id)) for one in now])
    return len(changed)


async def note_changes(
    connection: Connection, noted: Sequence[tuple[Instrument, Sequence[str], Before | None]]
) -> None:
    """Keep what every tenant is to be told of these instruments. Writes: instrument_changes."""
    rows = [(one.id, " ".join(types), text_of(one), old and text_of(old)) for one, types, old in noted]
    await connection.execute(store.ADD_CHANGES.sql, *map(list, zip(*rows, strict=True)))


async def _put_venues(connection: Connection) -> None:
    rows = [(rules.venue_id(mic), mic, name, whole) for mic, name, whole in rules.VENUES]
    await connection.execute(store.PUT_VENUES.sql, *map(list, zip(*rows, strict=True)))


async def _put_listings(connection: Connection, rows: Sequence[rules_import.InstrumentRow]) -> None:
    found = [listing for row in rows for listing in row.listings]
    if found:
        await connection.execute(store.PUT_LISTINGS.sql, *_columns(found))
        await connection.execute(store.SET_BEHIND.sql, [r.instrument_id for r in found], [r.venue_id for r in found])


def _instrument_columns(rows: Sequence[rules_import.InstrumentRow]) -> list[list[Any]]:
    return _columns(rows)[:-1]


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    """Dataclasses of one kind as one list per field."""
    return [[getattr(row, field.name) for row in rows] for field in fields(rows[0])]


def _chunks(rows: Sequence[R]) -> Iterable[Sequence[R]]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
