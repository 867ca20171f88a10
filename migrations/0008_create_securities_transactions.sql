-- Booked movements of accounts' units. Rows never change: a correction is a row of its own.

-- `refs` is a list of snapshots; `isin` is the instrument's at the time of the booking.
create table securities_transactions (
  tenant_id uuid not null,
  id uuid not null,
  account_group_id uuid not null,
  account_id uuid not null,
  instrument_id uuid not null,
  isin text,
  type text not null check (type ~ '^[A-Z_]+$'),
  amount numeric not null,
  refs jsonb not null,
  booking_date timestamptz not null,
  value_date timestamptz not null,
  created_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, account_group_id) references account_groups (tenant_id, id),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id));
create index securities_transactions_booked on securities_transactions (tenant_id, booking_date, id);
create index securities_transactions_group on securities_transactions (tenant_id, account_group_id, booking_date, id);
create index securities_transactions_account on securities_transactions (tenant_id, account_id, booking_date, id);
select wall('securities_transactions');
select grant_app('securities_transactions', 'select, insert');
