-- Money that a client firm keeps for an account group: increases, and decreases that wait for money.

create table virtual_cash_increases (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_group_id uuid not null,
  amount numeric not null check (amount > 0),
  currency text not null check (currency in ('EUR', 'GBP', 'USD')),
  status text not null check (status in ('ISSUED', 'CONFIRMED', 'CANCELLED')),
  primary key (tenant_id, id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id));
create index virtual_cash_increases_issued on virtual_cash_increases (tenant_id, created_at, id)
  where status = 'ISSUED';
select isolate_tenant('virtual_cash_increases');
select grant_app('virtual_cash_increases', 'select, insert, update');

create table virtual_cash_decreases (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_group_id uuid not null,
  amount numeric not null check (amount > 0),
  currency text not null check (currency in ('EUR', 'GBP', 'USD')),
  status text not null check (status in ('ISSUED', 'QUEUED', 'CONFIRMED', 'CANCELLED')),
  set_apart boolean not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  check (status = 'ISSUED' or not set_apart));
create index virtual_cash_decreases_open on virtual_cash_decreases (tenant_id, created_at, id)
  where status in ('ISSUED', 'QUEUED');
select isolate_tenant('virtual_cash_decreases');
select grant_app('virtual_cash_decreases', 'select, insert, update');

-- What features above may know of a group in their own statements.
create view pub_account_groups with (security_invoker = true) as
select tenant_id, id, user_id, type, status from account_groups;
select grant_app('pub_account_groups', 'select');
