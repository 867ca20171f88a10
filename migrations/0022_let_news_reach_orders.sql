-- What an import changes of an instrument reaches the orders that work for it.

-- The instrument and its listings as they were before the change. What is decided for a frozen tenant goes by what it
-- was told: a change that it has not heard of yet must not show in the work of its last request. Null for a new one.
alter table instrument_changes add column before jsonb;

-- From when on nothing that a venue does counts, where the end of an order is dated before the venue is asked for it.
alter table street_orders add column cancel_at timestamptz;

-- Those that are NEW are found by when they are due, or by that they wait.
create index orders_working on orders (tenant_id, instrument_id) where status = 'PROCESSING';

-- Since when an account is what it is: dust is looked at from the closing on.
create or replace view pub_accounts with (security_invoker = true) as
  select a.tenant_id, a.id as account_id, a.type as account_type, a.status as account_status,
         a.account_group_id as group_id, g.status as group_status, g.securities_account_number, u.user_id, u.user_status,
         u.instrument_fit, a.updated_at as account_updated_at
    from accounts a
    join account_groups g on g.tenant_id = a.tenant_id and g.id = a.account_group_id
    join pub_users u on u.tenant_id = a.tenant_id and u.user_id = a.user_id;
