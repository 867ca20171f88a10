"""SQL of cash balances and cash transactions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.snapshots import Json
from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.features.cash.model import CashBalance

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

ADD_TRANSACTIONS = Statement(
    """
    insert into cash_transactions (tenant_id, id, account_group_id, account_id, instrument_id, isin, type, amount,
                                   currency, taxes, fees, refs, booking_date, value_date, created_at)
    select $1, id, account_group_id, account_id, instrument_id, isin, type, amount,
           currency, taxes::jsonb, fees::jsonb, refs::jsonb, booking_date, value_date, created_at
      from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::numeric[], $9::text[],
                  $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
        as t(id, account_group_id, account_id, instrument_id, isin, type, amount, currency,
             taxes, fees, refs, booking_date, value_date, created_at)
    """
)


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A cash transaction as its table has it. Shape: `taxes`, `fees` and `refs` are lists of snapshots."""

    id: UUID
    account_group_id: UUID
    account_id: UUID | None
    instrument_id: UUID | None
    isin: str | None
    type: str
    amount: Decimal
    currency: str
    taxes: Json
    fees: Json
    refs: Json
    booking_date: datetime
    value_date: datetime
    created_at: datetime


TRANSACTIONS = Listing(
    TransactionRow,
    columns="id, account_group_id, account_id, instrument_id, isin, type, amount, currency, taxes, fees, refs,"
    " booking_date, value_date, created_at",
    source="cash_transactions",
    filters={
        "account_group_id": "account_group_id = {}",
        "start_date": "booking_date >= {}::date::timestamp at time zone 'UTC'",
        "end_date": "booking_date < ({}::date + 1)::timestamp at time zone 'UTC'",
    },
    sorts={"booking_date": "booking_date"},
    default_sort="booking_date",
)
