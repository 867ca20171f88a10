"""Verbs of positions: read them, publish those a unit touched, record and list transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from openvest.core.paging import Page, PageRequest
from openvest.core.records import replace
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.accounts.model import Account
from openvest.features.cash.model import DEFAULT_CURRENCY, Instrument
from openvest.features.instruments import service as instruments
from openvest.features.instruments.model import Instrument as KnownInstrument
from openvest.features.positions import store
from openvest.features.positions.model import AccountTransaction, Position, Reference, SecuritiesTransaction
from openvest.features.positions.rules import NoPosition
from openvest.ledger.buy_in import BuyIn, average_prices
from openvest.ledger.chart import Balance, owner_kind, units_of
from openvest.ledger.posting import touched


async def list_positions(unit: Unit, request: PageRequest, account_id: UUID) -> Page[Position]:
    """A page of the positions in which an account has or awaits anything."""
    found = await page(unit, store.POSITIONS, request, {"account_id": account_id})
    return found.of(await _positions(unit, found.rows))


async def get_position(unit: Unit, account_id: UUID, instrument_id: UUID) -> Position:
    """What an account has of an instrument, be it nothing any more. Raises: NoPosition."""
    row = await unit.row(store.POSITION, unit.tenant_id, account_id, units_of(instrument_id))
    if row is None:
        raise NoPosition("The account has no position in this instrument.")
    return (await _positions(unit, [row]))[0]


async def get_position_by_id(unit: Unit, account_id: UUID, position_id: UUID) -> Position:
    """The same, by its own id. Raises: NoPosition."""
    row = await unit.known(
        NoPosition("The account has no position of this id."),
        store.POSITION_BY_ID,
        unit.tenant_id,
        account_id,
        position_id,
    )
    return (await _positions(unit, [row]))[0]


_position_row = filled(store.PositionRow, Balance)
_position = filled(
    Position,
    store.PositionRow,
    beside="instrument average_price currency",
    id="public_id",
    account_id="owner_id",
    quantity="balance",
)


async def publish_positions(unit: Unit) -> None:
    """Emit one POSITION.UPDATED for each position this unit has touched, as it stands at the unit's end."""
    balances = [row for row in touched(unit) if owner_kind(row.asset) == "account"]
    rows = [_position_row(row) for row in balances]
    for balance, position in zip(balances, await _positions(unit, rows), strict=True):
        unit.emit("POSITION.UPDATED", position.id, balance.version, balance.updated_at, position)


async def _positions(unit: Unit, rows: Sequence[store.PositionRow]) -> list[Position]:
    """Rows with what the instruments and the lots know of them; two queries for all."""
    if not rows:
        return []
    holdings = [(row.owner_id, row.instrument_id) for row in rows]
    ids = {instrument_id for _, instrument_id in holdings}
    known = await instruments.by_id(unit, ids)
    named = {instrument_id: _named(instrument_id, known) for instrument_id in ids}
    prices = await average_prices(unit, holdings)
    return [_made(row, named[holding[1]], prices.get(holding)) for row, holding in zip(rows, holdings, strict=True)]


def _made(row: store.PositionRow, instrument: Instrument, paid: BuyIn | None) -> Position:
    price, currency = (None, None) if paid is None else (paid.price, paid.currency)
    return _position(row, instrument=instrument, average_price=price, currency=currency)


async def with_currency(unit: Unit, positions: Sequence[Position]) -> list[Position]:
    """Each with a currency: where none follows from what was paid, that of the instrument's preferred venue."""
    without = {one.instrument.uuid for one in positions if one.currency is None}
    traded = await instruments.listings(unit, without) if without else {}
    return [
        replace(one, currency=traded[one.instrument.uuid][0].currency) if one.instrument.uuid in traded else one
        for one in positions
    ]


def _named(instrument_id: UUID, known: Mapping[UUID, KnownInstrument]) -> Instrument:
    found = known.get(instrument_id)
    return Instrument(instrument_id, None if found is None else found.isin)


def transaction_id(unit: Unit, object_id: UUID, account_id: UUID) -> UUID:
    """The id of a new securities transaction of this account, caused by the object whose journal moved the units."""
    return unit.ids.new("securities_transaction", f"{object_id} {account_id}")


async def record_transactions(unit: Unit, rows: Sequence[SecuritiesTransaction]) -> None:
    """Write transactions and emit SECURITY_TRANSACTION.EXECUTED for each, in order; one statement for the whole set.

    The caller has posted the journals, and made the ids with `transaction_id`. Writes: securities_transactions.
    """
    await save(unit, store.ADD_TRANSACTIONS, *map(_row, rows))
    for row in rows:
        unit.emit("SECURITY_TRANSACTION.EXECUTED", row.id, 1, row.created_at, row)


_row = filled(
    store.TransactionRow,
    SecuritiesTransaction,
    instrument_id=lambda transaction: transaction.instrument.uuid,
    isin=lambda transaction: transaction.instrument.isin,
    refs="references",
)
_transaction = filled(
    SecuritiesTransaction,
    store.TransactionRow,
    instrument=lambda row: Instrument(row.instrument_id, row.isin),
    references=lambda row: tuple(Reference(UUID(ref["id"]), ref["type"]) for ref in row.refs),
)


async def list_transactions(unit: Unit, request: PageRequest, **filters: Any) -> Page[SecuritiesTransaction]:
    """A page of the tenant's securities transactions, by the filters of the list; both dates of booking are included.

    Units: days in UTC.
    """
    found = await page(unit, store.TRANSACTIONS, request, filters)
    return found.of([_transaction(row) for row in found.rows])


async def list_account_transactions(unit: Unit, request: PageRequest, account: Account) -> Page[AccountTransaction]:
    """A page of what moved an account, in the order in which it was written (docs/adr/0023)."""
    whose = (unit.tenant_id, account.account_group_id, account.id)
    total = await unit.one(store.HISTORY_LENGTH, *whose)
    rows: list[AccountTransaction] = []
    if total > request.offset:
        rows = await unit.rows(store.HISTORY, *whose, DEFAULT_CURRENCY, request.offset, request.limit)
    return Page(rows, request.offset, request.limit, total, "created_at", "ASC")
