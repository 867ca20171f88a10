"""Instruments as far as a tenant was told of them.

An import changes instruments for everybody at once; each tenant hears of it from its own cursor (`instruments.tell`),
and hearing it ends what does not fit any more. So what decides about orders goes by what was told: on a frozen clock,
where news come after all other work of an instant, by the state before the news; elsewhere it leaves alone what there
is news of, until that was told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from openvest.core.clock import parse_instant
from openvest.core.records import record
from openvest.core.snapshots import Snapshot
from openvest.features.instruments import store
from openvest.features.instruments.model import Instrument
from openvest.features.tenants import service as tenants
from openvest.ports.prices import Listing

if TYPE_CHECKING:
    from openvest.db.unit import Unit


@record
class Before:
    """An instrument and its listings, the preferred first, as they were before a change."""

    instrument: Instrument
    listings: tuple[Listing, ...]


@record
class Told:
    """What a tenant knows of instruments. `untold`: those of which it was not told all."""

    instruments: dict[UUID, Instrument]
    listings: dict[UUID, list[Listing]]
    untold: frozenset[UUID]


async def as_told(unit: Unit, ids: Collection[UUID]) -> Told:
    """The known ones among these instruments with their listings; one that is new to the tenant as it is."""
    wanted = sorted(set(ids))
    known = {found.id: found for found in await unit.rows(store.INSTRUMENTS_BY_ID, wanted)}
    listed: dict[UUID, list[Listing]] = {}
    for listing in await unit.rows(store.LISTINGS, wanted):
        listed.setdefault(listing.instrument_id, []).append(listing)
    untold = await unit.rows(store.UNTOLD, unit.tenant_id, wanted)
    for change in untold:
        if change.before is not None:
            known[change.id] = _instrument(change.before["instrument"])
            listed[change.id] = [_listing(one) for one in change.before["listings"]]
    return Told(known, listed, frozenset(change.id for change in untold))


async def untold_since(unit: Unit, ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Those of these instruments with news the tenant was not told of, and when, in its time, that happened."""
    untold = await unit.rows(store.UNTOLD, unit.tenant_id, sorted(set(ids)))
    return {change.id: await tenants.happened_at(unit, change.imported_at) for change in untold}


def _instrument(snapshot: Snapshot) -> Instrument:
    return Instrument(**_read(_read(snapshot, UUID, "id"), parse_instant, "created_at", "updated_at"))


def _listing(snapshot: Snapshot) -> Listing:
    ids = _read(snapshot, UUID, "instrument_id", "venue_id")
    return Listing(**_read(ids, Decimal, "tick_size", "reference_price"))


def _read(snapshot: Snapshot, parse: Callable[[str], Any], *names: str) -> dict[str, Any]:
    """The snapshot with these fields read."""
    return {name: parse(value) if name in names else value for name, value in snapshot.items()}
