"""Verbs of cash: read balances, publish those a unit touched, record and list transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.db.paging import page
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.cash import store
from openvest.features.cash.model import (
    DEFAULT_CURRENCY,
    CashBalance,
    CashTransaction,
    Fee,
    Instrument,
    Reference,
    Tax,
    cash_balance_of,
    empty_balance,
)
from openvest.features.cash.rules import NoBalance
from openvest.ledger.chart import owner_kind
from openvest.ledger.posting import touched


async def list_balances(unit: Unit, account_group_id: UUID) -> list[CashBalance]:
    """A group's balances by currency; the default currency is always among them."""
    found = await unit.rows(store.BALANCES, unit.tenant_id, account_group_id)
    if all(balance.currency != DEFAULT_CURRENCY for balance in found):
        found.append(empty_balance(account_group_id, DEFAULT_CURRENCY))
    return sorted(found, key=lambda balance: balance.currency)


async def get_balance(unit: Unit, account_group_id: UUID, currency: str) -> CashBalance:
    """A group's balance of one currency. Raises: NoBalance."""
    for balance in await list_balances(unit, account_group_id):
        if balance.currency == currency:
            return balance
    raise NoBalance(f"The account group has no {currency} balance yet.")


async def publish_cash(unit: Unit) -> None:
    """Emit one CASH_BALANCE.UPDATED for each group balance this unit has touched, as it stands at the unit's end."""
    for row in touched(unit):
        if owner_kind(row.asset) == "group":
            balance = cash_balance_of(row)
            unit.emit("CASH_BALANCE.UPDATED", row.public_id, row.version, row.updated_at, balance)


def transaction_id(unit: Unit, object_id: UUID, account_group_id: UUID) -> UUID:
    """The id of a new cash transaction of this group, caused by the object whose journal moved the money."""
    return unit.ids.new("cash_transaction", f"{object_id} {account_group_id}")


async def record_transactions(unit: Unit, rows: Sequence[CashTransaction]) -> None:
    """Write transactions and emit CASH_TRANSACTION.EXECUTED for each, in order; one statement for the whole set.

    The caller has posted the journals, and made the ids with `transaction_id`. Writes: cash_transactions.
    """
    await save(unit, store.ADD_TRANSACTIONS, *map(_row, rows))
    for row in rows:
        unit.emit("CASH_TRANSACTION.EXECUTED", row.id, 1, row.created_at, row)


def _row(transaction: CashTransaction) -> store.TransactionRow:
    instrument = transaction.instrument
    return store.TransactionRow(
        id=transaction.id,
        account_group_id=transaction.account_group_id,
        account_id=transaction.account_id,
        instrument_id=instrument and instrument.uuid,
        isin=instrument and instrument.isin,
        type=transaction.type,
        amount=transaction.delta.amount,
        currency=transaction.delta.currency,
        taxes=transaction.taxes,
        fees=transaction.fees,
        refs=transaction.references,
        booking_date=transaction.booking_date,
        value_date=transaction.value_date,
        created_at=transaction.created_at,
    )


async def list_transactions(
    unit: Unit,
    request: PageRequest,
    *,
    account_group_id: UUID | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
) -> Page[CashTransaction]:
    """A page of the tenant's cash transactions, both dates of booking included. Units: days in UTC."""
    filters = {"account_group_id": account_group_id, "start_date": start_date, "end_date": end_date}
    found = await page(unit, store.TRANSACTIONS, request, filters)
    rows = [_transaction(row) for row in found.rows]
    return found.of(rows)


def _transaction(row: store.TransactionRow) -> CashTransaction:
    return CashTransaction(
        row.id,
        row.account_group_id,
        row.type,
        Money(row.amount, row.currency),
        tuple(Reference(UUID(ref["id"]), ref["type"]) for ref in row.refs),
        row.booking_date,
        row.value_date,
        row.created_at,
        row.account_id,
        None if row.instrument_id is None else Instrument(row.instrument_id, row.isin),
        tuple(Tax(tax["type"], Decimal(tax["amount"]), tax["taxing_jurisdiction"]) for tax in row.taxes),
        tuple(Fee(Decimal(fee["amount"]), fee["charge_method"]) for fee in row.fees),
    )
