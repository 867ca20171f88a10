-- When the client asked for the cancellation of an order, where it was not told no; `cancel_asked` is left unused.

alter table orders add column cancel_asked_at timestamptz;
-- The rows of all tenants are meant, which the owner sees only where the wall does not hold it too.
alter table orders no force row level security;
update orders set cancel_asked_at = updated_at where cancel_asked;
alter table orders force row level security;
