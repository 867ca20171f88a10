"""What the tables of orders say must be what the books say: laws for `openvest ledger prove`."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.declarations import AuditQuery

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
  left join (select order_id, sum(quantity) as quantity, sum(cash_amount) as cash from pub_executions
              where tenant_id = $1 and status <> 'CANCELLED' group by order_id) e on e.order_id = o.id
 where o.tenant_id = $1
   and (o.executed_quantity <> coalesce(e.quantity, 0) or o.executed_cash <> coalesce(e.cash, 0))
""",
    ),
    AuditQuery(
        "nothing_is_for_nothing",
        "No order has moved units against 0.00.",
        """
select id, side, executed_quantity from orders
 where tenant_id = $1 and executed_quantity > 0 and executed_cash = 0
""",
    ),
    AuditQuery(
        "processing_orders_work_at_the_street",
        "For an order that is PROCESSING exactly one street order works, or a block that has not served it; for any "
        "other none.",
        """
select o.id, o.status, count(s.id) as working, count(m.order_id) as in_block
  from orders o
  left join pub_street_orders s on s.tenant_id = o.tenant_id and s.order_id = o.id and s.status = 'WORKING'
  left join pub_block_members m on m.tenant_id = o.tenant_id and m.order_id = o.id and m.allotted is null
 where o.tenant_id = $1
 group by o.id, o.status
having count(s.id) + count(m.order_id) <> case when o.status = 'PROCESSING' then 1 else 0 end
""",
    ),
    AuditQuery(
        "orders_name_instruments",
        "Every order is for an instrument that exists.",
        "select id, isin from orders where tenant_id = $1 and instrument_id not in (select id from instruments)",
    ),
    AuditQuery(
        "inactive_instruments_have_no_orders",
        "For an instrument the tenant knows to be INACTIVE no order holds a lock, unless its end is under way.",
        """
select o.id, o.isin, o.status, o.lock_amount
  from orders o join instruments i on i.id = o.instrument_id and i.trading_status = 'INACTIVE'
 where o.tenant_id = $1 and o.status in ('NEW', 'PROCESSING') and o.lock_amount > o.lock_used
   and o.cancellation_reason is null
   and not exists (select from instrument_cursors t join instrument_changes c on c.sequence > t.last_sequence
                    where t.tenant_id = $1 and c.instrument_id = o.instrument_id)
""",
    ),
    AuditQuery(
        "closed_accounts_have_nothing",
        "A closed account, or an account of a closed group, holds nothing and has no order at work.",
        """
select a.account_id, b.owner_kind, b.asset, b.balance, o.id as order_id
  from pub_accounts a
  left join pub_balances b on b.tenant_id = a.tenant_id
   and (b.owner_id = a.account_id or b.owner_id = a.group_id and a.group_status = 'CLOSED')
   and (b.balance <> 0 or b.settled_quantity <> 0)
  left join orders o on o.tenant_id = a.tenant_id and o.account_id = a.account_id and o.status = 'PROCESSING'
 where a.tenant_id = $1 and (a.account_status = 'CLOSED' or a.group_status = 'CLOSED')
   and (b.owner_id is not null or o.id is not null)
""",
    ),
    AuditQuery(
        "reserves_are_blocks_under_way",
        "What is reserved of the inventory is what blocks under way count on.",
        """
select coalesce(r.instrument_id, b.instrument_id) as instrument_id, coalesce(r.reserved, 0) as reserved,
       coalesce(b.reserve, 0) as counted_on
  from (select instrument_id, reserved from pub_fraction_reserves where tenant_id = $1) r
  full join (select u.instrument_id, sum(u.reserve) as reserve
               from (select s.instrument_id, s.reserve
                       from pub_street_orders s join orders o on o.tenant_id = s.tenant_id and o.id = s.order_id
                      where s.tenant_id = $1 and o.status = 'PROCESSING'
                      union all
                     select instrument_id, reserve from pub_blocks where tenant_id = $1) u
              group by u.instrument_id) b
    on b.instrument_id = r.instrument_id
 where coalesce(r.reserved, 0) <> coalesce(b.reserve, 0)
""",
    ),
)
