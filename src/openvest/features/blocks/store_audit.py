"""What blocks say must be what street, executions and books say: laws for `openvest ledger prove`."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.declarations import AuditQuery

AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "blocks_work_at_the_street",
        "For a block that is WORKING exactly one street order works, for any other none.",
        """
select b.id, b.status, count(s.id) as working
  from blocks b
  left join pub_street_orders s on s.tenant_id = b.tenant_id and s.order_id = b.id and s.status = 'WORKING'
 where b.tenant_id = $1
 group by b.id, b.status
having count(s.id) <> case when b.status = 'WORKING' then 1 else 0 end
""",
    ),
    AuditQuery(
        "blocks_give_what_they_have",
        "What the members of a block got is what its terms give, once it is DONE; all are served then.",
        """
select b.id, b.status, b.given, b.unserved, count(m.order_id) filter (where m.allotted is null) as waiting,
       coalesce(sum(m.allotted), 0) as allotted
  from blocks b left join block_members m on m.tenant_id = b.tenant_id and m.block_id = b.id
 where b.tenant_id = $1 and b.status in ('ALLOTTING', 'DONE')
 group by b.id, b.status, b.given, b.unserved, b.members
having b.members > count(m.order_id) or b.unserved <> count(m.order_id) filter (where m.allotted is null)
    or (b.status = 'DONE') <> (b.unserved = 0) or coalesce(sum(m.allotted), 0) > b.given
    or b.status = 'DONE' and coalesce(sum(m.allotted), 0) <> b.given
""",
    ),
    AuditQuery(
        "members_have_one_price",
        "A member's executions are what its block allotted, at the one price of the block.",
        """
select m.order_id, m.allotted, b.price, coalesce(sum(e.quantity), 0) as executed, min(e.price), max(e.price)
  from block_members m
  join blocks b on b.tenant_id = m.tenant_id and b.id = m.block_id
  left join pub_executions e on e.tenant_id = m.tenant_id and e.order_id = m.order_id
 where m.tenant_id = $1
 group by m.order_id, m.allotted, b.price
having coalesce(sum(e.quantity), 0) <> coalesce(m.allotted, 0) or min(e.price) <> b.price or max(e.price) <> b.price
""",
    ),
    AuditQuery(
        "blocks_have_what_the_street_traded",
        "What a block says its street orders traded is what is booked for the house.",
        """
select b.id, b.shares, coalesce(sum(t.quantity), 0) as booked
  from blocks b
  left join pub_street_orders s on s.tenant_id = b.tenant_id and s.order_id = b.id
  left join pub_block_trades t on t.tenant_id = s.tenant_id and t.street_order_id = s.id
 where b.tenant_id = $1 and b.status in ('ALLOTTING', 'DONE')
 group by b.id, b.shares having b.shares <> coalesce(sum(t.quantity), 0)
""",
    ),
)
