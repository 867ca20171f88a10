"""SQL of positions and securities transactions."""

from __future__ import annotations

from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from openvest.core.records import record
from openvest.core.snapshots import Json
from openvest.db.paging import Chain, Listing, days_of
from openvest.db.query import Query
from openvest.db.rows import columns, insert
from openvest.features.positions.model import AccountTransaction, Holding, Movement
from openvest.ledger.chart import instrument_of


@record
class PositionRow(Holding):
    """A unit balance as the ledger publishes it."""

    public_id: UUID
    owner_id: UUID
    asset: str
    balance: Decimal

    @property
    def instrument_id(self) -> UUID:
        return instrument_of(self.asset)


POSITIONS = Listing(
    PositionRow,
    columns=columns(PositionRow),
    source="pub_balances",
    filters={
        "account_id": "owner_kind = 'account' and owner_id = {} and (balance <> 0 or locked_for_trading <> 0"
        " or pending_settlement <> 0 or available_for_trading <> 0 or settled_quantity <> 0)"
    },
    sorts={"id": "asset"},
    default_sort="id",
    tie="owner_id",
)
_OF_ACCOUNT: LiteralString = (
    f"select {columns(PositionRow)} from pub_balances where tenant_id = $1 and owner_kind = 'account' and owner_id = $2"
)
POSITION = Query(PositionRow, f"{_OF_ACCOUNT} and asset = $3")
POSITION_BY_ID = Query(PositionRow, f"{_OF_ACCOUNT} and public_id = $3")


@record
class TransactionRow(Movement):
    """A securities transaction as its table has it. Shape: `refs` is a list of snapshots."""

    instrument_id: UUID
    isin: str | None
    refs: Json


ADD_TRANSACTIONS = insert("securities_transactions", TransactionRow)
TRANSACTIONS = Listing(
    TransactionRow,
    columns=columns(TransactionRow),
    source="securities_transactions",
    filters={
        "account_group_id": "account_group_id = {}",
        "account_id": "account_id = {}",
        **days_of("booking_date"),
    },
    sorts={"booking_date": "booking_date"},
    default_sort="booking_date",
    chains=(Chain(), Chain("account_group_id"), Chain("account_id")),
    settled="day",
)


# The history of an account: its money, the money of its group that is no one account's, and units that moved without
# money, whose amount is therefore zero. Each part is read by an index in the order of the whole, no further than the
# page reaches.
_MONEY: LiteralString = """
    from pub_cash_transactions
   where tenant_id = $1 and account_group_id = $2 and (account_id is null or account_id = $3)
"""
_UNITS: LiteralString = """
    from securities_transactions
   where tenant_id = $1 and account_id = $3 and type not in ('ORDER_EXECUTION', 'ORDER_EXECUTION_CANCELLATION')
"""
HISTORY = Query(
    AccountTransaction,
    f"""
select id, $3::uuid as account_id, type, amount, currency, created_at
  from ((select id, type, amount, currency, created_at {_MONEY}
          order by created_at, id limit $5::bigint + $6::bigint)
        union all
        (select id, type, 0::numeric, $4::text, created_at {_UNITS}
          order by created_at, id limit $5::bigint + $6::bigint)) as booked
 order by created_at, id offset $5 limit $6
""",
)
HISTORY_LENGTH = Query(int, f"select (select count(*) {_MONEY}) + (select count(*) {_UNITS}) as total")
