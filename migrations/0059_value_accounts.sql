-- What the securities of each account were worth at the end of each day on which the market trades.

-- An account that has or had securities, and when it is valued next.
create table valued_accounts (
  tenant_id uuid not null,
  id uuid not null,
  next_at timestamptz,
  primary key (tenant_id, id));
create index valued_accounts_due on valued_accounts (tenant_id, next_at, id) where next_at is not null;
select isolate_tenant('valued_accounts');
select grant_app('valued_accounts', 'select, insert, update');

create table valuations (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_id uuid not null,
  valuation_time timestamptz not null,
  amount numeric not null,
  currency text not null check (currency in ('EUR', 'GBP')),
  security_positions jsonb not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id));
create index valuations_account on valuations (tenant_id, account_id, valuation_time, id);
select isolate_tenant('valuations');
select grant_app('valuations', 'select, insert, update');

-- What the securities of an account did on each of these days. `value` is exact, and flows are what crossed the
-- account's border.
create table account_returns (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_id uuid not null,
  date timestamptz not null,
  currency text not null check (currency in ('EUR', 'GBP')),
  value numeric not null,
  inflow numeric not null check (inflow >= 0),
  outflow numeric not null check (outflow >= 0),
  daily numeric,
  cumulative numeric,
  cumulative_start_date timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id),
  check ((daily is null) = (cumulative is null)));
create index account_returns_account on account_returns (tenant_id, account_id, date, id);
select isolate_tenant('account_returns');
select grant_app('account_returns', 'select, insert, update');

-- Who holds something already is valued from the end of the day on which it changed last. The rows of all tenants are
-- meant, which the owner sees only where the wall does not hold it too.
alter table balances no force row level security;
insert into valued_accounts (tenant_id, id, next_at)
select tenant_id, owner_id,
       (((max(updated_at) at time zone 'UTC' + interval '1 hour')::date) + time '23:00') at time zone 'UTC'
  from balances where owner_kind = 'account' and version > 0 group by 1, 2;
alter table balances force row level security;
