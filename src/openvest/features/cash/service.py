"""Verbs of cash: read balances, publish those a unit touched, record and list transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
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


def payment(
    unit: Unit,
    cause: Reference,
    kind: str,
    account_group_id: UUID,
    delta: Money,
    at: datetime,
    *,
    told_by: UUID | None = None,
) -> CashTransaction:
    """What a payment changed of a group's money, on no account and by no instrument.

    `told_by` is what moved the money where a payment moves it more than once: the line of the bank.
    """
    return CashTransaction(
        id=transaction_id(unit, told_by or cause.id, account_group_id),
        account_group_id=account_group_id,
        account_id=None,
        type=kind,
        delta=delta,
        references=(cause,),
        booking_date=at,
        value_date=at,
        created_at=at,
    )


async def record_transactions(unit: Unit, rows: Sequence[CashTransaction]) -> None:
    """Write transactions and emit CASH_TRANSACTION.EXECUTED for each, in order; one statement for the whole set.

    The caller has posted the journals, and made the ids with `transaction_id`. Writes: cash_transactions.
    """
    await save(unit, store.ADD_TRANSACTIONS, *map(_row, rows))
    for row in rows:
        unit.emit("CASH_TRANSACTION.EXECUTED", row.id, 1, row.created_at, row)


_row = filled(
    store.TransactionRow,
    CashTransaction,
    instrument_id=lambda transaction: transaction.instrument and transaction.instrument.uuid,
    isin=lambda transaction: transaction.instrument and transaction.instrument.isin,
    amount=lambda transaction: transaction.delta.amount,
    currency=lambda transaction: transaction.delta.currency,
    refs="references",
)
_transaction = filled(
    CashTransaction,
    store.TransactionRow,
    delta=lambda row: Money(row.amount, row.currency),
    references=lambda row: tuple(Reference(UUID(ref["id"]), ref["type"]) for ref in row.refs),
    instrument=lambda row: None if row.instrument_id is None else Instrument(row.instrument_id, row.isin),
    taxes=lambda row: tuple(Tax(tax["type"], Decimal(tax["amount"]), tax["taxing_jurisdiction"]) for tax in row.taxes),
    fees=lambda row: tuple(Fee(Decimal(fee["amount"]), fee["charge_method"]) for fee in row.fees),
)


async def list_transactions(unit: Unit, request: PageRequest, **filters: Any) -> Page[CashTransaction]:
    """A page of the tenant's cash transactions, by the filters of the list; both dates of booking are included.

    Units: days in UTC.
    """
    found = await page(unit, store.TRANSACTIONS, request, filters)
    return found.of([_transaction(row) for row in found.rows])
