-- Orders of a whole tenant are listed by id, of one status or of all; those that ended unfilled by whether the client
-- ended them. Each of these lists reads as many entries as it skips and shows, however many orders there are.

create index orders_status on orders (tenant_id, status, id);
create index orders_cancelled on orders (tenant_id, (cancellation_reason = 'CANCELLED_BY_CLIENT'), id)
  where status = 'CANCELLED';
