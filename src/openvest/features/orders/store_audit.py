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
  left join (select order_id, sum(quantity) as quantity, sum(cash_amount) as cash from pub_executions
              where tenant_id = $1 and status <> 'CANCELLED' group by order_id) e on e.order_id = o.id
 where o.tenant_id = $1
   and (o.executed_quantity <> coalesce(e.quantity, 0) or o.executed_cash <> coalesce(e.cash, 0))
""",
    ),
)
