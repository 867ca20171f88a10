"""Average buy-in prices of many positions with one query, for what is published of them.

Source: ORDER_MATHS.md section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from openvest.core.money import price_half_up, ratio
from openvest.core.records import record
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.ledger.lot_book import Holding


@record
class _Held:
    """What the open lots of one holding sum to. Without cost and currency: those of some lot are unknown, or lots were
    paid for in several currencies."""

    account_id: UUID
    instrument_id: UUID
    quantity: Decimal
    cost: Decimal | None
    currency: str | None


@record
class BuyIn:
    """What the units of a holding cost on average, with fees. Units: money of the currency per unit."""

    price: Decimal
    currency: str


HELD = Query(
    _Held,
    """
select k.account_id, k.instrument_id, h.quantity, h.cost, h.currency
  from unnest($2::uuid[], $3::uuid[]) as k(account_id, instrument_id)
 cross join lateral (
       select sum(l.remaining) as quantity,
              case when count(*) = count(l.currency) and min(l.currency) = max(l.currency)
                   then sum(l.remaining_cost) end as cost,
              case when count(*) = count(l.currency) and min(l.currency) = max(l.currency)
                   then min(l.currency) end as currency
         from lots l
        where l.tenant_id = $1 and l.account_id = k.account_id and l.instrument_id = k.instrument_id
          and l.remaining > 0) h
 where h.quantity is not null
""",
)


async def average_prices(unit: Unit, holdings: Sequence[Holding]) -> dict[Holding, BuyIn]:
    """Cost of open lots per unit. A holding without lots, with an unknown cost or bought in several currencies is left
    out."""
    if not holdings:
        return {}
    accounts, instruments = [account for account, _ in holdings], [instrument for _, instrument in holdings]
    return {
        (held.account_id, held.instrument_id): BuyIn(price_half_up(ratio(held.cost, held.quantity)), held.currency)
        for held in await unit.rows(HELD, unit.tenant_id, accounts, instruments)
        if held.cost is not None and held.currency is not None
    }
