"""SQL of instruments, venues, listings and imported prices. None of it has a tenant; writing is the owner's."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.records import record
from openvest.db.paging import Listing as Paged
from openvest.db.query import Query, Statement
from openvest.features.instruments.model import Instrument, Venue
from openvest.ports.prices import Listing

INSTRUMENTS = Paged(
    Instrument,
    columns="id, isin, wkn, name, type, home_country, fractional_trading, quantity_decimals, trading_status, "
    "created_at, updated_at",
    source="instruments",
    filters={"trading_status": "trading_status = {}", "isin": "isin = {}", "type": "type = {}"},
    sorts={"created_at": "created_at", "updated_at": "updated_at"},
    default_sort="created_at",
    tenant=None,
)

_INSTRUMENT = (
    "select id, isin, wkn, name, type, home_country, fractional_trading, quantity_decimals, trading_status, "
    "created_at, updated_at from instruments "
)
INSTRUMENT_BY_ID = Query(Instrument, _INSTRUMENT + "where id = $1")
INSTRUMENT_BY_ISIN = Query(Instrument, _INSTRUMENT + "where isin = $1")
INSTRUMENTS_BY_ISIN = Query(Instrument, _INSTRUMENT + "where isin = any($1::text[])")
INSTRUMENTS_BY_ID = Query(Instrument, _INSTRUMENT + "where id = any($1::uuid[])")

_LISTING = """
select l.instrument_id, l.venue_id, i.isin, i.type, v.mic, l.currency, l.tick_size, l.reference_price, v.whole_shares
  from instrument_venues l join instruments i on i.id = l.instrument_id join venues v on v.id = l.venue_id
"""
LISTINGS = Query(Listing, _LISTING + "where l.instrument_id = any($1::uuid[]) order by l.instrument_id, l.place")
ALL_LISTINGS = Query(Listing, _LISTING + "order by l.instrument_id, l.place")
LISTING = Query(Listing, _LISTING + "where l.instrument_id = $1 and l.venue_id = $2")
VENUES_OF = Query(
    Venue,
    "select v.id, v.mic, v.name, v.whole_shares from instrument_venues l join venues v on v.id = l.venue_id "
    "where l.instrument_id = $1 order by l.place",
)


@record
class InstrumentVenue(Venue):
    """A venue of an instrument, and the currency it trades it in."""

    instrument_id: UUID
    currency: str


VENUES_OF_EACH = Query(
    InstrumentVenue,
    "select v.id, v.mic, v.name, v.whole_shares, l.instrument_id, l.currency from instrument_venues l "
    "join venues v on v.id = l.venue_id where l.instrument_id = any($1::uuid[]) order by l.instrument_id, l.place",
)


@record
class RangeRow:
    """First and last day with imported prices of a listing."""

    instrument_id: UUID
    venue_id: UUID
    first_on: date
    last_on: date


@record
class StoredBar:
    """An imported bar and its listing."""

    instrument_id: UUID
    venue_id: UUID
    at: datetime
    ends_at: datetime
    minutes: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@record
class StoredQuote:
    """An imported quote and its listing."""

    instrument_id: UUID
    venue_id: UUID
    at: datetime
    bid: Decimal
    offer: Decimal


RANGES = Query(
    RangeRow,
    "select r.instrument_id, r.venue_id, r.first_on, r.last_on from imported_ranges r "
    "join unnest($1::uuid[], $2::uuid[]) as a (instrument_id, venue_id) using (instrument_id, venue_id)",
)

# All rows from $3, the start of a day, to before $4, the end of one; and of the last day with rows before $3 the last
# of its smallest bars.
BARS = Query(
    StoredBar,
    """
select b.instrument_id, b.venue_id, b.at, b.ends_at, b.minutes, b.open, b.high, b.low, b.close, b.volume
  from unnest($1::uuid[], $2::uuid[]) as a (instrument_id, venue_id)
 cross join lateral (
   select date_trunc('day', max(p.at), 'UTC') as day from bars p
    where p.instrument_id = a.instrument_id and p.venue_id = a.venue_id and p.at < $3) w
 cross join lateral (
   select * from bars d
    where d.instrument_id = a.instrument_id and d.venue_id = a.venue_id and d.at >= $3 and d.at < $4
   union all
   (select * from bars l
     where l.instrument_id = a.instrument_id and l.venue_id = a.venue_id and l.at >= w.day and l.at < $3
     order by l.minutes, l.at desc limit 1)) b
 order by b.instrument_id, b.venue_id, b.at, b.minutes
""",
)
# As before, and the last quote before $3.
QUOTES = Query(
    StoredQuote,
    """
select q.instrument_id, q.venue_id, q.at, q.bid, q.offer
  from unnest($1::uuid[], $2::uuid[]) as a (instrument_id, venue_id)
 cross join lateral (
   select * from quotes d
    where d.instrument_id = a.instrument_id and d.venue_id = a.venue_id and d.at >= $3 and d.at < $4
   union all
   (select * from quotes l
     where l.instrument_id = a.instrument_id and l.venue_id = a.venue_id and l.at < $3
     order by l.at desc limit 1)) q
 order by q.instrument_id, q.venue_id, q.at
""",
)


@record
class Change:
    """A change a tenant was not told of; `id` is the instrument's. `told_at`: when its last one was told."""

    id: UUID
    sequence: int
    version: int
    types: list[str]
    snapshot: Any
    imported_at: datetime
    told_at: datetime | None


# An instrument that was set aside is left out until someone has looked.
_NO_DEAD_LETTER = """and not exists (
     select from dead_letters a where a.tenant_id = $1 and a.sweep = 'instruments.tell' and a.row_id = c.instrument_id)
"""
CLAIM_CHANGES = Query(
    Change,
    """
with t as (
  select last_sequence, told_at from instrument_cursors where tenant_id = $1 for update skip locked)
select c.instrument_id as id, c.sequence, c.version, c.types, c.snapshot, c.imported_at, t.told_at
  from t join instrument_changes c on c.sequence > t.last_sequence """
    + _NO_DEAD_LETTER
    + " order by c.sequence limit $2",
)
PASSED_OVER = Query(
    Change,
    """
select c.instrument_id as id, c.sequence, c.version, c.types, c.snapshot, c.imported_at, t.told_at
  from instrument_cursors t join instrument_changes c on c.sequence <= t.last_sequence
  join dead_letters a on a.tenant_id = t.tenant_id and a.sweep = 'instruments.tell' and a.row_id = c.instrument_id
 where t.tenant_id = $1 and c.instrument_id = $2
   and not exists (select from events e where e.tenant_id = $1 and e.object_id = c.instrument_id
                                          and e.object_version = c.version and e.type = any(c.types))
 order by c.sequence desc limit 1
""",
)
CHANGES_DUE = Query(
    datetime,
    "select $2::timestamptz where exists (select from instrument_cursors t"
    " join instrument_changes c on c.sequence > t.last_sequence where t.tenant_id = $1 " + _NO_DEAD_LETTER + ")",
)
MOVE_TOLD = Statement("update instrument_cursors set last_sequence = $2, told_at = $3 where tenant_id = $1")


@record
class Untold:
    """The first change of an instrument that a tenant was not told of. Shape: `before` as `service_news.Before`."""

    id: UUID
    imported_at: datetime
    before: Any


UNTOLD = Query(
    Untold,
    """
select distinct on (c.instrument_id) c.instrument_id as id, c.imported_at, c.before
  from instrument_cursors t join instrument_changes c on c.sequence > t.last_sequence
 where t.tenant_id = $1 and c.instrument_id = any($2::uuid[]) """
    + _NO_DEAD_LETTER
    + " order by c.instrument_id, c.sequence",
)

# What follows is run by the owner of the schema.

LOCK_IMPORTS = Query(bool, "select pg_advisory_xact_lock(hashtextextended('instruments', 0)) is not null")
PUT_VENUES = Statement(
    "insert into venues (id, mic, name, whole_shares) "
    "select * from unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[]) on conflict (id) do nothing"
)

_PUT_INSTRUMENTS = """
with w as (select wire_now() as at)
insert into instruments (id, isin, wkn, name, type, home_country, fractional_trading, quantity_decimals,
                         trading_status, created_at, updated_at)
select t.*, w.at, w.at
  from w, unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
                 $8::integer[], $9::text[]) as t
on conflict (isin) do """
ADD_INSTRUMENTS = Query(UUID, _PUT_INSTRUMENTS + "nothing returning id")
PUT_INSTRUMENTS = Query(
    Instrument,
    _PUT_INSTRUMENTS
    + """update set
   wkn = excluded.wkn, name = excluded.name, type = excluded.type, home_country = excluded.home_country,
   fractional_trading = excluded.fractional_trading, quantity_decimals = excluded.quantity_decimals,
   trading_status = excluded.trading_status, updated_at = excluded.updated_at, version = instruments.version + 1
returning id, isin, wkn, name, type, home_country, fractional_trading, quantity_decimals, trading_status, created_at,
          updated_at""",
)
ADD_CHANGES = Statement(
    """
insert into instrument_changes (instrument_id, version, types, snapshot, before, imported_at)
select i.id, i.version, string_to_array(t.types, ' '), t.snapshot::jsonb, t.before::jsonb, i.updated_at
  from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) with ordinality as t(id, types, snapshot, before, n)
  join instruments i on i.id = t.id
 order by t.n
"""
)
DISTURB_FROZEN = Statement("select disturb_frozen_clocks()")
PUT_LISTINGS = Statement(
    """
insert into instrument_venues (instrument_id, venue_id, place, currency, tick_size, reference_price)
select * from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::numeric[], $6::numeric[])
on conflict (instrument_id, venue_id) do update set
   place = excluded.place, currency = excluded.currency, tick_size = excluded.tick_size,
   reference_price = excluded.reference_price
"""
)
# A listing that a line does not name stays, behind those it names.
SET_BEHIND = Statement(
    """
update instrument_venues l set place = greatest(l.place, n.named + 1)
  from (select instrument_id, array_agg(venue_id) as venues, count(*)::integer as named
          from unnest($1::uuid[], $2::uuid[]) as t(instrument_id, venue_id) group by instrument_id) n
 where l.instrument_id = n.instrument_id and l.venue_id <> all(n.venues)
"""
)
PUT_BARS = Statement(
    """
insert into bars (instrument_id, venue_id, at, minutes, ends_at, open, high, low, close, volume)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::integer[], $5::timestamptz[], $6::numeric[],
                     $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[])
on conflict (instrument_id, venue_id, at, minutes) do update set
   ends_at = excluded.ends_at, open = excluded.open, high = excluded.high, low = excluded.low,
   close = excluded.close, volume = excluded.volume
"""
)
PUT_QUOTES = Statement(
    """
insert into quotes (instrument_id, venue_id, at, bid, offer)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::numeric[], $5::numeric[])
on conflict (instrument_id, venue_id, at) do update set bid = excluded.bid, offer = excluded.offer
"""
)
PUT_RANGES = Statement(
    """
insert into imported_ranges as r (instrument_id, venue_id, first_on, last_on)
select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[])
on conflict (instrument_id, venue_id) do update set
   first_on = least(r.first_on, excluded.first_on), last_on = greatest(r.last_on, excluded.last_on)
"""
)
