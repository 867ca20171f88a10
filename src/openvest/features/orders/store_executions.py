"""SQL of executions, of what blocks trade at the street, and of the inventory that blocks count on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from openvest.db.query import Query, Statement
from openvest.features.orders.model import Execution, Side

_COLUMNS = (
    "id, version, created_at, updated_at, order_id, street_order_id, user_id, account_id, account_group_id,"
    " instrument_id, side, status, quantity, cash_amount, price, currency, fee, venue_id, through, transaction_time,"
    " traded_on, settlement_date, settles_at"
)


@dataclass(frozen=True, slots=True)
class BlockTrade:
    """What a street order of a block has traded in whole shares."""

    id: UUID
    street_order_id: UUID
    side: Side
    instrument_id: UUID
    currency: str
    quantity: Decimal
    cash_amount: Decimal
    traded_on: date
    settlement_date: date
    settles_at: datetime


@dataclass(frozen=True, slots=True)
class Inventory:
    """The house's fractions of an instrument, under the lock of its reserve row. `free`: no block counts on it."""

    instrument_id: UUID
    units: Decimal
    reserved: Decimal

    @property
    def free(self) -> Decimal:
        return self.units - self.reserved


INSERT = Statement(
    """
    insert into executions (tenant_id, id, version, created_at, updated_at, order_id, street_order_id, user_id,
      account_id, account_group_id, instrument_id, side, status, quantity, cash_amount, price, currency, fee, venue_id,
      through, transaction_time, traded_on, settlement_date, settles_at)
    select $1, t.id, 1, t.at, t.at, t.order_id, t.street_order_id, t.user_id, t.account_id, t.account_group_id,
           t.instrument_id, t.side, 'FILLED', t.quantity, t.cash_amount, t.price, t.currency, t.fee, t.venue_id,
           t.through, t.transaction_time, t.traded_on, t.settlement_date, t.settles_at
      from unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
                  $9::uuid[], $10::text[], $11::numeric[], $12::numeric[], $13::numeric[], $14::text[], $15::numeric[],
                  $16::uuid[], $17::text[], $18::timestamptz[], $19::date[], $20::date[], $21::timestamptz[])
           as t(id, at, order_id, street_order_id, user_id, account_id, account_group_id, instrument_id, side,
                quantity, cash_amount, price, currency, fee, venue_id, through, transaction_time, traded_on,
                settlement_date, settles_at)
    """
)

BY_ID = Query(
    Execution,
    f"select {_COLUMNS} from executions where tenant_id = $1 and order_id = $2 and id = $3",
)

OF_ORDERS = Query(
    Execution,
    f"select {_COLUMNS} from executions where tenant_id = $1 and order_id = any($2)"
    " order by transaction_time, created_at, id",
)

BY_IDS = Query(
    Execution,
    f"select {_COLUMNS} from executions where tenant_id = $1 and id = any($2)",
)

NEXT_SETTLEMENT = Query(
    datetime,
    "select min(settles_at) as settles_at from executions where tenant_id = $1 and status = 'FILLED'",
)

CLAIM_SETTLING = Query(
    Execution,
    f"""
    select {_COLUMNS} from executions e
     where tenant_id = $1 and status = 'FILLED' and settles_at <= $2
       and not exists (select from set_aside a where a.tenant_id = $1 and a.sweep = 'orders.settle' and a.row_id = e.id)
     order by settles_at, id
     limit $3
       for no key update skip locked
    """,
)

SETTLED = Statement(
    """
    update executions e set status = 'SETTLED', version = t.version, updated_at = t.at
      from unnest($2::uuid[], $3::integer[], $4::timestamptz[]) as t(id, version, at)
     where e.tenant_id = $1 and e.id = t.id
    """
)

INSERT_STREET = Statement(
    """
    insert into street_trades (tenant_id, id, street_order_id, side, instrument_id, currency, quantity, cash_amount,
                               traded_on, settlement_date, settles_at)
    select $1, t.id, t.street_order_id, t.side, t.instrument_id, t.currency, t.quantity, t.cash_amount, t.traded_on,
           t.settlement_date, t.settles_at
      from unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::numeric[], $8::numeric[], $9::date[],
                  $10::date[], $11::timestamptz[])
           as t(id, street_order_id, side, instrument_id, currency, quantity, cash_amount, traded_on, settlement_date,
                settles_at)
    """
)

CLAIM_STREET = Query(
    BlockTrade,
    """
    select id, street_order_id, side, instrument_id, currency, quantity, cash_amount, traded_on, settlement_date,
           settles_at
      from street_trades
     where tenant_id = $1 and settled_at is null and settles_at <= $2
       and not exists (
         select from set_aside a where a.tenant_id = $1 and a.sweep = 'orders.settle_street' and a.row_id = id)
     order by settles_at, id limit $3 for no key update skip locked
    """,
)

NEXT_STREET = Query(
    datetime, "select min(settles_at) as settles_at from street_trades where tenant_id = $1 and settled_at is null"
)

STREET_SETTLED = Statement("update street_trades set settled_at = $3 where tenant_id = $1 and id = any($2)")

MAKE_RESERVES = Statement(
    """
    insert into fraction_reserves (tenant_id, instrument_id) select $1, t from unnest($2::uuid[]) as t order by t
    on conflict (tenant_id, instrument_id) do nothing
    """
)

LOCK_RESERVES = Query(
    UUID,
    """
    select instrument_id from fraction_reserves
     where tenant_id = $1 and instrument_id = any($2) order by instrument_id for no key update
    """,
)

INVENTORY = Query(
    Inventory,
    """
    select r.instrument_id, coalesce(h.balance, 0) as units, r.reserved
      from fraction_reserves r
      left join pub_house_balances h
        on h.tenant_id = r.tenant_id and h.asset = r.instrument_id::text and h.bucket = 'fractions'
     where r.tenant_id = $1 and r.instrument_id = any($2)
    """,
)

SET_RESERVES = Statement(
    """
    update fraction_reserves r set reserved = t.reserved
      from unnest($2::uuid[], $3::numeric[]) as t(instrument_id, reserved)
     where r.tenant_id = $1 and r.instrument_id = t.instrument_id
    """
)
