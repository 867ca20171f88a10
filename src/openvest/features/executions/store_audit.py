"""What executions say must be what the books say: laws for `openvest ledger prove`."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.declarations import AuditQuery

AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "unsettled_units_are_executions",
        "Units a customer waits for, or still has to deliver, are those of executions that have not settled.",
        """
select b.owner_id, b.asset, b.unsettled_in, b.unsettled_out,
       coalesce(e.bought, 0) as bought, coalesce(e.sold, 0) as sold
  from balances b
  left join (select account_id, instrument_id::text as asset,
                    sum(quantity) filter (where side = 'BUY') as bought,
                    sum(quantity) filter (where side = 'SELL') as sold
               from executions where tenant_id = $1 and status = 'FILLED' group by 1, 2) e
    on e.account_id = b.owner_id and e.asset = b.asset
 where b.tenant_id = $1 and b.owner_kind = 'account'
   and (b.unsettled_in <> coalesce(e.bought, 0) or b.unsettled_out <> coalesce(e.sold, 0))
""",
    ),
    AuditQuery(
        "unsettled_cash_is_executions",
        "Proceeds a group waits for are the net proceeds of its sales that have not settled.",
        """
select b.owner_id, b.asset, b.unsettled_in, coalesce(e.net, 0) as net
  from balances b
  left join (select account_group_id, currency, sum(greatest(cash_amount - fee, 0)) as net
               from executions where tenant_id = $1 and status = 'FILLED' and side = 'SELL' group by 1, 2) e
    on e.account_group_id = b.owner_id and e.currency = b.asset
 where b.tenant_id = $1 and b.owner_kind = 'group' and b.unsettled_in <> coalesce(e.net, 0)
""",
    ),
    AuditQuery(
        "rounding_is_at_most_a_cent",
        "Rounding has taken between nothing and one cent of an order, and of all orders what the books say.",
        """
select order_id::text as what, sum(rounding) as rounding, null::numeric as books_say
  from executions where tenant_id = $1 and status <> 'CANCELLED'
 group by order_id having sum(rounding) not between 0 and 0.01
union all
select coalesce(h.asset, e.currency), coalesce(e.rounding, 0), coalesce(h.balance, 0)
  from (select asset, balance from pub_house_balances where tenant_id = $1 and bucket = 'rounding') h
  full join (select currency, sum(rounding) as rounding from executions
              where tenant_id = $1 and status <> 'CANCELLED' group by currency) e on e.currency = h.asset
 where coalesce(h.balance, 0) <> coalesce(e.rounding, 0)
""",
    ),
    AuditQuery(
        "fractions_are_never_short",
        "The house's inventory of an instrument is never below zero, nor below what blocks count on.",
        """
select coalesce(r.instrument_id::text, h.asset) as instrument, coalesce(h.balance, 0) as inventory,
       coalesce(r.reserved, 0) as reserved
  from (select instrument_id, reserved from fraction_reserves where tenant_id = $1) r
  full join (select asset, balance from pub_house_balances
              where tenant_id = $1 and bucket = 'fractions' and length(asset) > 3) h
    on h.asset = r.instrument_id::text
 where coalesce(h.balance, 0) < 0 or coalesce(h.balance, 0) < coalesce(r.reserved, 0)
""",
    ),
)
