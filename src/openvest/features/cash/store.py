"""SQL of cash balances and cash transactions."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from openvest.core.records import record
from openvest.core.snapshots import Json
from openvest.db.paging import Chain, Listing, days_of
from openvest.db.query import Query
from openvest.db.rows import columns, insert
from openvest.features.cash.model import Booked, CashBalance

BALANCES = Query(
    CashBalance,
    """
    select owner_id as account_group_id, asset as currency, balance, locked_for_trading, pending_settlement,
           available_for_withdrawal, available_for_trading
      from pub_balances
     where tenant_id = $1 and owner_id = $2 and owner_kind = 'group'
     order by asset
    """,
)


@record
class TransactionRow(Booked):
    """A cash transaction as its table has it. Shape: `taxes`, `fees` and `refs` are lists of snapshots."""

    instrument_id: UUID | None
    isin: str | None
    amount: Decimal
    currency: str
    taxes: Json
    fees: Json
    refs: Json


ADD_TRANSACTIONS = insert("cash_transactions", TransactionRow)
TRANSACTIONS = Listing(
    TransactionRow,
    columns=columns(TransactionRow),
    source="cash_transactions",
    filters={
        "account_group_id": "account_group_id = {}",
        **days_of("booking_date"),
    },
    sorts={"booking_date": "booking_date"},
    default_sort="booking_date",
    chains=(Chain(), Chain("account_group_id")),
    settled="day",
)
