"""SQL of executions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.db.query import Query, Statement, numeric_array
from openvest.db.rows import arrays
from openvest.features.executions.model import Execution

_COLUMNS = (
    "id, version, created_at, updated_at, order_id, street_order_id, user_id, account_id, account_group_id,"
    " instrument_id, side, status, quantity, cash_amount, price, currency, fee, rounding, venue_id, through,"
    " transaction_time, traded_on, settlement_date, settles_at"
)

# An order's executions are numbered from 1, as they are given; the caller holds the order, so nobody else numbers them.
# `n` counts those of one order among the rows.

INSERT = Statement(
    """
    insert into executions (tenant_id, id, version, created_at, updated_at, order_id, street_order_id, user_id,
      account_id, account_group_id, instrument_id, side, status, currency, venue_id, through, transaction_time,
      traded_on, settlement_date, settles_at, quantity, cash_amount, price, fee, rounding,
      ordinal)
    select o.tenant_id, t.id, 1, t.at, t.at, t.order_id, t.street_order_id, t.user_id, t.account_id, t.account_group_id,
           t.instrument_id, t.side, 'FILLED', t.currency, t.venue_id, t.through, t.transaction_time, t.traded_on,
           t.settlement_date, t.settles_at, t.quantity, t.cash_amount, t.price, t.fee, t.rounding,
           t.n + coalesce(
             (select max(b.ordinal) from executions b where b.tenant_id = $1 and b.order_id = t.order_id), 0)
      from tenants o
     cross join unnest($2::text::uuid[], $3::timestamptz[], $4::text::uuid[], $5::text::uuid[], $6::text::uuid[],
                       $7::text::uuid[], $8::text::uuid[], $9::text::uuid[], $10::text::text[], $11::text::text[],
                       $12::text::uuid[], $13::text::text[], $14::timestamptz[], $15::date[], $16::date[],
                       $17::timestamptz[], $18::text::numeric[], $19::text::numeric[], $20::text::numeric[],
                       $21::text::numeric[], $22::text::numeric[], $23::text::integer[])
           as t(id, at, order_id, street_order_id, user_id, account_id, account_group_id, instrument_id, side,
                currency, venue_id, through, transaction_time, traded_on, settlement_date, settles_at,
                quantity, cash_amount, price, fee, rounding, n)
     where o.tenant_id = $1
    """
)


def insert_values(executions: Sequence[Execution]) -> list[Any]:
    """The parameters of INSERT after the tenant."""
    seen: Counter[UUID] = Counter()
    numbers: list[int] = []
    for execution in executions:
        seen[execution.order_id] += 1
        numbers.append(seen[execution.order_id])
    names = (
        "id created_at order_id street_order_id user_id account_id account_group_id instrument_id side currency"
        " venue_id through transaction_time traded_on settlement_date settles_at quantity cash_amount price fee"
        " rounding"
    )
    return [*arrays(Execution, executions, names), numeric_array(numbers)]


BY_ID = Query(
    Execution,
    f"select {_COLUMNS} from executions where tenant_id = $1 and order_id = $2 and id = $3",
)

OF_ORDERS = Query(
    Execution,
    f"select {_COLUMNS} from executions where tenant_id = $1 and order_id = any($2) order by order_id, ordinal",
)

BY_IDS = Query(
    Execution,
    f"select {_COLUMNS} from executions where tenant_id = $1 and id = any($2)",
)

# What was set aside is not due: it would hold the clock at its instant for ever. A customer of a block settles after
# the block, also where that could not be settled on its day.

_SETTLING = """
    from executions e
   where e.tenant_id = $1 and e.status = 'FILLED'
     and not exists (
       select from dead_letters a where a.tenant_id = $1 and a.sweep = 'executions.settle' and a.row_id = e.id)
     and (e.through = 'street' or not exists (
       select from block_trades b
        where b.tenant_id = $1 and b.street_order_id = e.street_order_id and b.settled_at is null))
"""

NEXT_SETTLEMENT = Query(datetime, f"select e.settles_at {_SETTLING} order by e.settles_at, e.id limit 1")

CLAIM_SETTLING = Query(
    Execution,
    f"""
    select {", ".join("e." + name.strip() for name in _COLUMNS.split(","))} {_SETTLING}
     and e.settles_at <= $2
   order by e.settles_at, e.id
   limit $3
     for no key update of e skip locked
    """,
)

SETTLED = Statement(
    """
    update executions e set status = 'SETTLED', version = t.version, updated_at = t.at
      from unnest($2::uuid[], $3::integer[], $4::timestamptz[]) as t(id, version, at)
     where e.tenant_id = $1 and e.id = t.id
    """
)
