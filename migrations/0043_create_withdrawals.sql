-- Withdrawals: payouts from an account group to a reference account of its user.

create table withdrawals (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  reference_account_id uuid not null,
  account_group_id uuid not null,
  account_id uuid,
  user_id uuid not null,
  amount numeric not null check (amount > 0),
  currency text not null check (currency = 'EUR'),
  remittance_information text not null,
  purpose_code text,
  status text not null check (status in ('NEW', 'PROCESSING', 'CONFIRMED', 'CANCELLED')),
  cancellation_reason text
    check (cancellation_reason in ('CANCELLED_BY_BANK', 'CANCELLED_BY_UPVEST', 'CANCELLED_BY_CLIENT', 'OTHER')),
  returned_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, reference_account_id) references reference_accounts (tenant_id, id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id),
  constraint withdrawals_end_for_a_reason check ((status = 'CANCELLED') = (cancellation_reason is not null)),
  constraint withdrawals_return_when_paid check (returned_at is null or status = 'CONFIRMED'));
create index withdrawals_created on withdrawals (tenant_id, created_at, id);
create index withdrawals_group on withdrawals (tenant_id, account_group_id, created_at, id);
create index withdrawals_under_way on withdrawals (tenant_id, account_group_id) where status in ('NEW', 'PROCESSING');
select isolate_tenant('withdrawals');
select grant_app('withdrawals', 'select, insert, update');
