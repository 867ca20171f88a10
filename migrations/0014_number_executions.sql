-- The executions of an order are numbered from 1 in the order in which they were booked: several may have one instant.

alter table executions add column ordinal integer check (ordinal > 0);
-- The rows of all tenants are numbered, which the owner sees only where the wall does not hold it too.
alter table executions no force row level security;
update executions e set ordinal = n.ordinal
  from (select tenant_id, id,
               row_number() over (partition by tenant_id, order_id order by transaction_time, created_at, id) as ordinal
          from executions) n
 where e.tenant_id = n.tenant_id and e.id = n.id;
alter table executions force row level security;
alter table executions alter column ordinal set not null;
drop index executions_order;
create unique index executions_order on executions (tenant_id, order_id, ordinal);
