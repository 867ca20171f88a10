-- Users, the checks on them, their identifiers and tax residencies, and requests to change their data.
--
-- Tax and national identifiers stand here only sealed (AES-256-GCM, bound to table, column and row).

create table users (
  tenant_id uuid not null references tenants,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  status text not null check (status in ('INACTIVE', 'ACTIVE', 'OFFBOARDING', 'OFFBOARDED')),
  licence text not null check (licence in ('TOL', 'BYOL')),
  first_name text not null,
  last_name text not null,
  email text,
  salutation text not null,
  title text not null,
  birth_date date not null,
  birth_city text,
  birth_country text,
  birth_name text,
  decease_date date,
  nationalities text[] not null check (cardinality(nationalities) > 0),
  phone_number text,
  address jsonb not null,
  postal_address jsonb not null,
  fatca jsonb,
  terms_and_conditions jsonb,
  data_privacy_and_sharing_agreement jsonb,
  branch_id uuid,
  gender text,
  tags text[] not null,
  sealed_social_security_number bytea,
  -- Last decided INSTRUMENT_FIT check, kept here because every order of a user asks for it.
  instrument_fit text check (instrument_fit in ('PASSED', 'FAILED')),
  primary key (tenant_id, id));
create index users_created on users (tenant_id, created_at, id);
create index users_updated on users (tenant_id, updated_at, id);
select wall('users');
select grant_app('users', 'select, insert, update');

-- What features above may know of users in their own statements.
create view pub_users with (security_invoker = true) as
  select tenant_id, id as user_id, status as user_status, instrument_fit from users;
select grant_app('pub_users', 'select');

-- `details` holds what the type of the check asks for. A held check waits for a decision that comes by itself.
create table user_checks (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  type text not null check (type in ('KYC', 'POR', 'INSTRUMENT_FIT', 'COMPLIANCE', 'USER_SELF_ASSESSMENT',
                                     'US_WITHHOLDING_TAX_STATUS')),
  status text not null check (status in ('IN_PROGRESS', 'PASSED', 'FAILED')),
  check_confirmed_at timestamptz not null,
  details jsonb not null,
  held boolean not null default false,
  lease_token uuid,
  leased_until timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id));
create index user_checks_user on user_checks (tenant_id, user_id, created_at, id);
create index user_checks_open on user_checks (tenant_id, created_at, id) where status = 'IN_PROGRESS' and not held;
select wall('user_checks');
select grant_app('user_checks', 'select, insert, update');

-- One row per kind of document and country. No sealed value: an identifier that is made from the user's data (CONCAT).
create table user_identifiers (
  tenant_id uuid not null,
  id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  type text not null check (type in ('NATIONAL_ID', 'PASSPORT')),
  issuing_country text not null,
  identifier_standard text not null,
  sealed_identifier bytea,
  primary key (tenant_id, id),
  unique (tenant_id, user_id, type, issuing_country, identifier_standard),
  foreign key (tenant_id, user_id) references users (tenant_id, id));
select wall('user_identifiers');
select grant_app('user_identifiers', 'select, insert, update');

-- The whole declared set of a user in one row; countries stand beside it in the open, in the order declared.
create table tax_residencies (
  tenant_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  status text not null check (status in ('PENDING', 'ACTIVE')),
  countries text[] not null check (cardinality(countries) > 0),
  sealed_residencies bytea not null,
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references users (tenant_id, id));
select wall('tax_residencies');
select grant_app('tax_residencies', 'select, insert, update');

create table data_changes (
  tenant_id uuid not null,
  id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  status text not null check (status in ('RECEIVED', 'APPLIED', 'FAILED')),
  changes jsonb not null,
  evidence jsonb,
  reason text,
  held boolean not null default false,
  lease_token uuid,
  leased_until timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id));
create index data_changes_open on data_changes (tenant_id, created_at, id) where status = 'RECEIVED' and not held;
select wall('data_changes');
select grant_app('data_changes', 'select, insert, update');
