-- Top-ups, and the inbox of our bank accounts.

create table topups (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_group_id uuid not null,
  cash_amount numeric not null check (cash_amount > 0),
  currency text not null check (currency in ('EUR', 'GBP')),
  status text not null check (status in ('CONFIRMED', 'SETTLED', 'CANCELLED')),
  settlement_reference text not null,
  primary key (tenant_id, id), unique (tenant_id, settlement_reference),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id));
create index topups_group on topups (tenant_id, account_group_id, created_at, id);
select wall('topups');
select grant_app('topups', 'select, insert, update');

-- One row per transfer that arrived; one told twice (external_id) is kept once. Who paid whom stands here only sealed
-- (AES-256-GCM, bound to table, column and row).
create table bank_lines (
  tenant_id uuid not null references tenants,
  id uuid not null,
  external_id text not null,
  created_at timestamptz not null,
  due_at timestamptz not null,
  booked_at timestamptz,
  status text not null check (status in ('RECEIVED', 'MATCHED', 'UNMATCHED')),
  topup_id uuid,
  amount numeric not null check (amount > 0),
  currency text not null check (currency in ('EUR', 'GBP')),
  client_reference text not null,
  remittance_information text not null,
  virtual_bank_account_id uuid,
  purpose_code text,
  sealed_parties bytea not null,
  primary key (tenant_id, id), unique (tenant_id, external_id),
  foreign key (tenant_id, topup_id) references topups (tenant_id, id),
  check ((status = 'MATCHED') = (topup_id is not null)),
  check ((status = 'RECEIVED') = (booked_at is null)));
create index bank_lines_due on bank_lines (tenant_id, due_at, id) where status = 'RECEIVED';
select wall('bank_lines');
select grant_app('bank_lines', 'select, insert, update');
