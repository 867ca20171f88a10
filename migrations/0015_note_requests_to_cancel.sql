-- Whether the client has asked for the cancellation of an order, whoever else may have asked for its end before.

alter table orders add column cancel_asked boolean not null default false;
-- The rows of all tenants are meant, which the owner sees only where the wall does not hold it too.
alter table orders no force row level security;
update orders set cancel_asked = true where cancellation_reason = 'CANCELLED_BY_CLIENT';
alter table orders force row level security;
