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
    """What the open lots of one holding sum to."""

    account_id: UUID
    instrument_id: UUID
    quantity: Decimal
    cost: Decimal
    currency: str


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
       select sum(s.remaining) as quantity, sum(s.cost) as cost, min(s.currency) as currency
         from lot_sums s
        where s.tenant_id = $1 and s.account_id = k.account_id and s.instrument_id = k.instrument_id
          and s.remaining > 0
       having count(*) = 1) h
 where h.currency <> ''
""",
)
"""Those whose lots were all paid for in one currency, and at a known cost."""


async def average_prices(unit: Unit, holdings: Sequence[Holding]) -> dict[Holding, BuyIn]:
    """Cost of open lots per unit. A holding without lots, with an unknown cost or bought in several currencies is left
    out."""
    if not holdings:
        return {}
    accounts, instruments = [account for account, _ in holdings], [instrument for _, instrument in holdings]
    return {
        (held.account_id, held.instrument_id): BuyIn(price_half_up(ratio(held.cost, held.quantity)), held.currency)
        for held in await unit.rows(HELD, unit.tenant_id, accounts, instruments)
    }
