-- Our own accounts with banks, one for each currency, and the file with which an instruction left.

create table bank_accounts (
  tenant_id uuid not null references tenants,
  id uuid not null,
  created_at timestamptz not null,
  currency text not null check (currency in ('EUR', 'GBP')),
  holder text not null check (holder <> ''),
  bic text not null,
  sealed_iban bytea not null,
  primary key (tenant_id, id), unique (tenant_id, currency));
select isolate_tenant('bank_accounts');
select grant_app('bank_accounts', 'select, insert');

alter table bank_instructions add column message_id text;
create index bank_instructions_message on bank_instructions (tenant_id, message_id) where message_id is not null;
