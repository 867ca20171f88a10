-- Reference accounts: where a holder's money is paid out to. Owner, IBAN and BIC stand here only sealed
-- (AES-256-GCM, bound to table, column and row). A deleted one keeps its row: what was paid to it still names it.

create table reference_accounts (
  tenant_id uuid not null,
  id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid,
  business_id uuid,
  name text check (name <> ''),
  sealed_account bytea not null,
  confirmed_at timestamptz not null,
  deleted_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id),
  check ((user_id is null) <> (business_id is null)));
create index reference_accounts_user on reference_accounts (tenant_id, user_id, created_at, id);
select isolate_tenant('reference_accounts');
select grant_app('reference_accounts', 'select, insert, update');
