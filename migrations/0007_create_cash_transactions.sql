-- Booked movements of account groups' money. Rows never change: a correction is a row of its own.

-- `taxes`, `fees` and `refs` are lists of snapshots; `isin` is the instrument's at the time of the booking.
create table cash_transactions (
  tenant_id uuid not null,
  id uuid not null,
  account_group_id uuid not null,
  account_id uuid,
  instrument_id uuid,
  isin text,
  type text not null check (type ~ '^[A-Z_]+$'),
  amount numeric not null,
  currency text not null check (currency in ('EUR', 'GBP', 'USD')),
  taxes jsonb not null,
  fees jsonb not null,
  refs jsonb not null,
  booking_date timestamptz not null,
  value_date timestamptz not null,
  created_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id));
create index cash_transactions_booked on cash_transactions (tenant_id, booking_date, id);
create index cash_transactions_group on cash_transactions (tenant_id, account_group_id, booking_date, id);
select wall('cash_transactions');
select grant_app('cash_transactions', 'select, insert');
