"""SQL of what blocks trade at the street, and of the inventory that blocks count on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.db.query import Query, Statement
from openvest.db.rows import arrays
from openvest.features.executions.model import BlockTrade, Inventory

INSERT = Statement(
    """
    insert into block_trades (tenant_id, id, street_order_id, side, instrument_id, currency, traded_on,
                              settlement_date, settles_at, quantity, cash_amount, posted)
    select o.tenant_id, t.id, t.street_order_id, t.side, t.instrument_id, t.currency, t.traded_on, t.settlement_date,
           t.settles_at, t.quantity, t.cash_amount, t.posted
      from tenants o
     cross join unnest($2::text::uuid[], $3::text::uuid[], $4::text::text[], $5::text::uuid[], $6::text::text[],
                       $7::date[], $8::date[], $9::timestamptz[], $10::text::numeric[], $11::text::numeric[],
                       $12::text::boolean[])
           as t(id, street_order_id, side, instrument_id, currency, traded_on, settlement_date, settles_at,
                quantity, cash_amount, posted)
     where o.tenant_id = $1
    """
)


def insert_values(trades: Sequence[BlockTrade]) -> list[Any]:
    """The parameters of INSERT after the tenant."""
    names = (
        "id street_order_id side instrument_id currency traded_on settlement_date settles_at quantity cash_amount"
        " posted"
    )
    return arrays(BlockTrade, trades, names)


_SETTLING = """
    from block_trades t
   where t.tenant_id = $1 and t.settled_at is null and t.posted
     and not exists (
       select from dead_letters a where a.tenant_id = $1 and a.sweep = 'executions.settle_blocks' and a.row_id = t.id)
"""

NEXT_SETTLEMENT = Query(datetime, f"select t.settles_at {_SETTLING} order by t.settles_at, t.id limit 1")

CLAIM_SETTLING = Query(
    BlockTrade,
    f"""
    select t.id, t.street_order_id, t.side, t.instrument_id, t.currency, t.quantity, t.cash_amount, t.traded_on,
           t.settlement_date, t.settles_at, t.posted
    {_SETTLING}
     and t.settles_at <= $2
   order by t.settles_at, t.id limit $3 for no key update of t skip locked
    """,
)

UNPOSTED = Query(
    BlockTrade,
    """
    update block_trades set posted = true where tenant_id = $1 and street_order_id = any($2::uuid[]) and not posted
    returning id, street_order_id, side, instrument_id, currency, quantity, cash_amount, traded_on, settlement_date,
              settles_at, posted
    """,
)

SETTLED = Statement("update block_trades set settled_at = $3 where tenant_id = $1 and id = any($2)")

RESERVES_FOR_UPDATE = Query(
    UUID,
    """
    select instrument_id from fraction_reserves
     where tenant_id = $1 and instrument_id = any($2) order by instrument_id for no key update
    """,
)

MAKE_RESERVES = Statement(
    """
    insert into fraction_reserves (tenant_id, instrument_id)
    select o.tenant_id, t from tenants o cross join unnest($2::uuid[]) as t where o.tenant_id = $1 order by t
    on conflict (tenant_id, instrument_id) do nothing
    """
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
      from unnest($2::uuid[], $3::text::numeric[]) as t(instrument_id, reserved)
     where r.tenant_id = $1 and r.instrument_id = t.instrument_id
    """
)
