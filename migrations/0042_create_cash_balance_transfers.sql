-- Cash that goes from one account group of a user to another.

create table cash_balance_transfers (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  source_account_group_id uuid not null,
  target_account_group_id uuid not null,
  amount numeric not null check (amount > 0),
  currency text not null check (currency in ('EUR')),
  due_at timestamptz not null,
  status text not null check (status in ('ISSUED', 'CONFIRMED', 'CANCELLED')),
  cancellation_reason text check (cancellation_reason in ('CANCELLED_BY_CLIENT', 'CANCELLED_BY_UPVEST')),
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id),
  foreign key (tenant_id, source_account_group_id) references account_groups (tenant_id, id),
  foreign key (tenant_id, target_account_group_id) references account_groups (tenant_id, id),
  check (source_account_group_id <> target_account_group_id),
  check ((status = 'CANCELLED') = (cancellation_reason is not null)));
create index cash_balance_transfers_created on cash_balance_transfers (tenant_id, created_at, id);
create index cash_balance_transfers_user on cash_balance_transfers (tenant_id, user_id, created_at, id);
create index cash_balance_transfers_due on cash_balance_transfers (tenant_id, due_at, id) where status = 'ISSUED';
select isolate_tenant('cash_balance_transfers');
select grant_app('cash_balance_transfers', 'select, insert, update');
