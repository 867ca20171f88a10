-- What customers transfer to us, and the accounts of ours they transfer it to.

-- Where a tenant has its virtual accounts.
create table bank_codes (
  tenant_id uuid not null references tenants,
  country text not null check (country ~ '^[A-Z]{2}$'),
  bank_code text not null check (bank_code <> ''),
  bic text not null check (bic <> ''),
  updated_at timestamptz not null,
  primary key (tenant_id));
select isolate_tenant('bank_codes');
select grant_app('bank_codes', 'select, insert, update');

create table virtual_bank_accounts (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_group_id uuid not null,
  name text not null check (name <> ''),
  currency text not null check (currency in ('EUR')),
  owner_name text not null,
  iban text not null check (iban <> ''),
  bic text not null check (bic <> ''),
  primary key (tenant_id, id), unique (tenant_id, iban),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id));
create index virtual_bank_accounts_group on virtual_bank_accounts (tenant_id, account_group_id, created_at, id);
select isolate_tenant('virtual_bank_accounts');
select grant_app('virtual_bank_accounts', 'select, insert');

-- The payer's IBAN stands here masked, in full with its bank line alone.
create table credit_fundings (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_group_id uuid not null,
  cash_amount numeric not null check (cash_amount > 0),
  currency text not null check (currency in ('EUR', 'GBP')),
  remittance_information text not null,
  counterparty_name text not null,
  counterparty_iban text not null,
  status text not null check (status in ('CONFIRMED', 'CANCELLED')),
  virtual_bank_account_id uuid,
  purpose_code text,
  bank_line_id uuid not null,
  end_to_end_id text not null,
  primary key (tenant_id, id), unique (tenant_id, bank_line_id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  foreign key (tenant_id, virtual_bank_account_id) references virtual_bank_accounts (tenant_id, id),
  foreign key (tenant_id, bank_line_id) references bank_lines (tenant_id, id));
create index credit_fundings_group on credit_fundings (tenant_id, account_group_id, created_at, id);
create index credit_fundings_recallable on credit_fundings (tenant_id, end_to_end_id) where status = 'CONFIRMED';
select isolate_tenant('credit_fundings');
select grant_app('credit_fundings', 'select, insert, update');

-- What an answer of the bank says of a return is looked up by what was asked of it.
create index bank_lines_returned on bank_lines (tenant_id, matched_id) where status = 'RETURNED';
