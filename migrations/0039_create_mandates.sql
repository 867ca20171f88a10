-- Mandates: what lets money be collected from a holder's bank account, and who collects. Payer, IBAN and BIC stand here
-- only sealed (AES-256-GCM, bound to table, column and row). A revoked one keeps its row: what was collected names it.

create table creditors (
  tenant_id uuid primary key,
  creditor_name text not null check (creditor_name <> ''),
  creditor_id text not null,
  creditor_address jsonb not null,
  updated_at timestamptz not null);
select isolate_tenant('creditors');
select grant_app('creditors', 'select, insert, update');

create table mandates (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid,
  business_id uuid,
  account_group_id uuid,
  sealed_account bytea not null,
  creditor_name text not null,
  creditor_id text not null,
  creditor_address jsonb not null,
  confirmed_at timestamptz not null,
  last_used_on date,
  revoked_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  check ((user_id is null) <> (business_id is null)));
create index mandates_created on mandates (tenant_id, created_at, id);
create index mandates_user on mandates (tenant_id, user_id, created_at, id);
select isolate_tenant('mandates');
select grant_app('mandates', 'select, insert, update');
