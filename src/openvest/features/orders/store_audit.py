"""What the tables of orders say must be what the books say: laws for `openvest ledger prove`."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.ledger.audit import AuditQuery

AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "locks_are_orders",
        "What an open order has left of its lock is locked in the books, and nothing else is locked by orders.",
        """
select coalesce(o.id, l.object_id) as order_id, coalesce(o.left, 0) as order_says, coalesce(l.amount, 0) as books_say
  from (select id, lock_amount - lock_used as left from orders where tenant_id = $1 and lock_amount > lock_used) o
  full join (select object_id, sum(amount) as amount from locks where tenant_id = $1 and amount > 0
              group by object_id) l on l.object_id = o.id
 where coalesce(o.left, 0) <> coalesce(l.amount, 0)
""",
    ),
    AuditQuery(
        "final_orders_hold_nothing",
        "An order that is FILLED or CANCELLED has nothing locked.",
        """
select id, status, lock_amount, lock_used from orders
 where tenant_id = $1 and status in ('FILLED', 'CANCELLED') and lock_amount <> lock_used
""",
    ),
    AuditQuery(
        "orders_are_executions",
        "What an order says was executed is the sum of its executions that were not cancelled.",
        """
select o.id, o.executed_quantity, o.executed_cash, coalesce(e.quantity, 0) as quantity, coalesce(e.cash, 0) as cash
  from orders o
  left join (select order_id, sum(quantity) as quantity, sum(cash_amount) as cash from executions
              where tenant_id = $1 and status <> 'CANCELLED' group by order_id) e on e.order_id = o.id
 where o.tenant_id = $1
   and (o.executed_quantity <> coalesce(e.quantity, 0) or o.executed_cash <> coalesce(e.cash, 0))
""",
    ),
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
        "fractions_are_never_short",
        "The house's inventory of an instrument is never below zero, nor below what blocks count on.",
        """
select r.instrument_id, coalesce(h.balance, 0) as inventory, r.reserved
  from fraction_reserves r
  left join pub_house_balances h
    on h.tenant_id = $1 and h.asset = r.instrument_id::text and h.bucket = 'fractions'
 where r.tenant_id = $1 and (coalesce(h.balance, 0) < 0 or coalesce(h.balance, 0) < r.reserved)
""",
    ),
)
