-- Account groups, which own cash and the securities account number, and accounts, which hold securities.

create table account_groups (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  type text not null check (type in ('PERSONAL')),
  status text not null check (status in ('PENDING_APPROVAL', 'ACTIVE', 'CLOSING', 'CLOSED', 'LOCKED')),
  securities_account_number text not null check (securities_account_number ~ '^[0-9]{7,12}$'),
  closure_reason text,
  closure_announced_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, securities_account_number),
  foreign key (tenant_id, user_id) references users (tenant_id, id));
create unique index account_groups_personal on account_groups (tenant_id, user_id)
  where type = 'PERSONAL' and status <> 'CLOSED';
create index account_groups_user on account_groups (tenant_id, user_id, created_at, id);
create index account_groups_created on account_groups (tenant_id, created_at, id);
create index account_groups_updated on account_groups (tenant_id, updated_at, id);
create index account_groups_closing on account_groups (tenant_id, updated_at, id) where status = 'CLOSING';
select wall('account_groups');
select grant_app('account_groups', 'select, insert, update');

-- account_number counts the accounts of a group from 1.
create table accounts (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_group_id uuid not null,
  user_id uuid not null,
  type text not null check (type in ('TRADING', 'PORTFOLIO')),
  account_number integer not null check (account_number > 0),
  name text not null,
  status text not null check (status in ('PENDING_APPROVAL', 'ACTIVE', 'CLOSING', 'CLOSED', 'LOCKED')),
  primary key (tenant_id, id),
  unique (tenant_id, account_group_id, account_number),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id));
create index accounts_user on accounts (tenant_id, user_id, created_at, id);
create index accounts_created on accounts (tenant_id, created_at, id);
create index accounts_updated on accounts (tenant_id, updated_at, id);
create index accounts_closing on accounts (tenant_id, updated_at, id) where status = 'CLOSING';
select wall('accounts');
select grant_app('accounts', 'select, insert, update');

-- What features above may know of an account, its group and its user in their own statements.
create view pub_accounts with (security_invoker = true) as
select a.tenant_id, a.id as account_id, a.type as account_type, a.status as account_status,
       a.account_group_id as group_id, g.status as group_status, g.securities_account_number,
       u.user_id, u.user_status, u.instrument_fit
  from accounts a
  join account_groups g on g.tenant_id = a.tenant_id and g.id = a.account_group_id
  join pub_users u on u.tenant_id = a.tenant_id and u.user_id = a.user_id;
select grant_app('pub_accounts', 'select');
