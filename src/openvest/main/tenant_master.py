"""What of the instruments a tenant takes along when it moves, and how that meets the master of where it comes to.

An instrument has the same id everywhere, made from its ISIN, and a venue from its MIC. What is missing is added, and
told to the other tenants as an import would. What is known must say the same, since orders were accepted by it; a
difference is refused and named. Imported prices are added for listings that have none; where there are some, they stay:
what was executed keeps its own price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.tenant_file import MoveRefused
from openvest.features.instruments import service as instruments
from openvest.features.instruments.model import Instrument

if TYPE_CHECKING:
    from openvest.db.unit import Connection

SHARED: Mapping[str, str] = {
    "venues": "select v.* from venues v where exists (select from instrument_venues l where l.venue_id = v.id"
    " and l.instrument_id = any($1::uuid[]))",
    "instruments": "select * from instruments where id = any($1::uuid[])",
    "instrument_venues": "select * from instrument_venues where instrument_id = any($1::uuid[])",
    "bars": "select * from bars where instrument_id = any($1::uuid[])",
    "quotes": "select * from quotes where instrument_id = any($1::uuid[])",
    "imported_ranges": "select * from imported_ranges where instrument_id = any($1::uuid[])",
}
"""The tables, and the rows of these instruments in them."""

_IMPORTS_ALONE = "select pg_advisory_xact_lock(hashtextextended('instruments', 0))"
_HELD = "select distinct asset::uuid as id from balances where tenant_id = $1 and length(asset) = 36"
_TOLD = "select distinct object_id as id from events e where tenant_id = $1 and type like 'INSTRUMENT.%'"
_UNTOLD = """
select count(*) from instrument_cursors t join instrument_changes c on c.sequence > t.last_sequence
 where t.tenant_id = $1
"""
_DIFFERENT = """
with field as (
  select n.isin, f.key, m.said -> f.key as here, f.value as there
    from incoming_instruments n
    cross join lateral (select to_jsonb(i) as said from instruments i where i.isin = n.isin) m
    cross join lateral jsonb_each(to_jsonb(n) - '{version,created_at,updated_at}'::text[]) f
  union all
  select n.isin, v.mic || ' ' || f.key, f.value, to_jsonb(l) -> f.key
    from incoming_instruments n join instruments i on i.isin = n.isin
    join instrument_venues m on m.instrument_id = i.id join venues v on v.id = m.venue_id
    left join incoming_instrument_venues l on l.instrument_id = n.id and l.venue_id = m.venue_id
    cross join lateral jsonb_each(to_jsonb(m)) f
  union all
  select n.isin, v.mic, null, to_jsonb(v.mic)
    from incoming_instruments n join instruments i on i.isin = n.isin
    join incoming_instrument_venues l on l.instrument_id = n.id join incoming_venues v on v.id = l.venue_id
   where not exists (select from instrument_venues m where m.instrument_id = i.id and m.venue_id = l.venue_id)
  union all
  select n.mic, f.key, to_jsonb(v) -> f.key, f.value
    from incoming_venues n join venues v on v.mic = n.mic cross join lateral jsonb_each(to_jsonb(n)) f)
select isin, key, coalesce(here #>> '{}', 'nothing') as here, coalesce(there #>> '{}', 'nothing') as there
  from field where here is distinct from there order by isin, key limit 5
"""
_ADD_VENUES = "insert into venues select * from incoming_venues on conflict (id) do nothing"
_ADD_INSTRUMENTS = """
insert into instruments (id, isin, wkn, name, type, home_country, fractional_trading, quantity_decimals, trading_status,
                         created_at, updated_at, version)
select n.id, n.isin, n.wkn, n.name, n.type, n.home_country, n.fractional_trading, n.quantity_decimals, n.trading_status,
       n.created_at, w.at, n.version
  from (select wire_now() as at) w, incoming_instruments n
    on conflict (isin) do nothing
returning id, isin, wkn, name, type, home_country, fractional_trading, quantity_decimals, trading_status, created_at,
          updated_at
"""
# A later change here must not carry a version that the tenant was told of already.
_RAISE_VERSIONS = """
update instruments i set version = n.version from incoming_instruments n where i.id = n.id and i.version < n.version
"""
_ADD_LISTINGS = """
insert into instrument_venues select * from incoming_instrument_venues on conflict (instrument_id, venue_id) do nothing
"""
_ADD_PRICES = """
insert into {table} select n.* from incoming_{table} n
 where not exists (select from imported_ranges r where r.instrument_id = n.instrument_id and r.venue_id = n.venue_id)
"""


class MasterDiffers(MoveRefused):
    """An instrument or a venue that a tenant brings along is known here as another."""


class NewsUntold(MoveRefused):
    """A tenant is to leave before it was told of changes of instruments."""


async def referred(connection: Connection, tenant_id: UUID, tables: Sequence[str]) -> list[UUID]:
    """The instruments that rows of these tables, balances and told news of a tenant name. The connection sees them."""
    named = [
        f'select distinct instrument_id as id from "{table}" '  # noqa: S608 - names of the catalog's
        "where tenant_id = $1 and instrument_id is not null"
        for table in tables
    ]
    return [
        row[0] for row in await connection.fetch(" union ".join([*named, _HELD, _TOLD]) + " order by id", tenant_id)
    ]


async def check_told(connection: Connection, tenant_id: UUID) -> None:
    """Raises: NewsUntold, since a cursor over news means nothing elsewhere."""
    waiting = await connection.fetchval(_UNTOLD, tenant_id)
    if waiting:
        raise NewsUntold(
            f"The tenant was not told yet of {waiting} changes of instruments; let a worker run (openvest serve, or "
            "openvest worker), then export it."
        )


async def merge(connection: Connection) -> None:
    """Bring `incoming_…` tables of these names into the master. The connection is the owner's, in a transaction.

    Raises: MasterDiffers. Writes: venues, instruments, instrument_venues, instrument_changes, bars, quotes,
    imported_ranges, clocks.
    """
    await connection.execute(_IMPORTS_ALONE)
    if found := await connection.fetch(_DIFFERENT):
        listed = ", ".join(f"{r['isin']} ({r['key']}: {r['here']} here, {r['there']} in the file)" for r in found)
        raise MasterDiffers(
            f"The master here says otherwise of what the tenant has traded: {listed}. Bring both installations to the "
            "same master with openvest instruments import."
        )
    await connection.execute(_ADD_VENUES)
    added = [Instrument(*record) for record in await connection.fetch(_ADD_INSTRUMENTS)]
    await connection.execute(_RAISE_VERSIONS)
    await connection.execute(_ADD_LISTINGS)
    if added:
        await instruments.note_changes(connection, [(one, ("INSTRUMENT.ONBOARDED",), None) for one in added])
        await connection.execute("select disturb_frozen_clocks()")
    for table in ("bars", "quotes", "imported_ranges"):
        await connection.execute(_ADD_PRICES.format(table=table))
