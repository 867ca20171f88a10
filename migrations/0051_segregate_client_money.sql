-- The customers' money is held against what is at the bank once a business day, and the house makes up the difference.

-- Money in suspense, as its lines say; what the bank took is below zero.
create view pub_suspense with (security_invoker = true) as
select tenant_id, id, currency, case kind when 'CREDIT' then amount else -amount end as amount
  from bank_lines
 where (status = 'UNMATCHED' or status = 'RETURNED') and kind in ('CREDIT', 'DEBIT');
select grant_app('pub_suspense', 'select');

-- Of trades that are not settled: what a buy has taken of its customer, and what was collected with it.
create or replace view pub_executions with (security_invoker = true) as
select tenant_id, id, order_id, status, quantity, cash_amount, account_group_id, currency, side, fee from executions;

-- How far that was done: journals up to `through`, last on the day `done_on`; not again before `next_at`.
create table segregations (
  tenant_id uuid not null references tenants,
  through bigint not null default 0 check (through >= 0),
  done_on date,
  next_at timestamptz not null,
  primary key (tenant_id));
select isolate_tenant('segregations');
select grant_app('segregations', 'select, insert, update');
