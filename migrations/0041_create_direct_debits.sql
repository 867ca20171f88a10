-- Direct debits: money that is collected under a mandate.

create table direct_debits (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  account_group_id uuid not null,
  mandate_id uuid not null,
  cash_amount numeric not null check (cash_amount > 0),
  currency text not null check (currency = 'EUR'),
  remittance_information text,
  purpose_code text,
  status text not null check (status in ('NEW', 'PROCESSING', 'CONFIRMED', 'CHARGED_BACK', 'CANCELLED')),
  cancellation_reason text check (cancellation_reason in ('CANCELLED_BY_BANK', 'CANCELLED_BY_UPVEST')),
  settled_on date,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  foreign key (tenant_id, mandate_id) references mandates (tenant_id, id),
  check ((status = 'CANCELLED') = (cancellation_reason is not null)));
create index direct_debits_created on direct_debits (tenant_id, created_at, id);
create index direct_debits_group on direct_debits (tenant_id, account_group_id, created_at, id);
create index direct_debits_under_way on direct_debits (tenant_id, mandate_id) where status in ('NEW', 'PROCESSING');
select isolate_tenant('direct_debits');
select grant_app('direct_debits', 'select, insert, update');
