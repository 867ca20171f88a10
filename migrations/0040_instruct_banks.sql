-- What banks are told to do, and all that they tell: lines of our accounts are no longer of top-ups alone.

create table bank_instructions (
  tenant_id uuid not null references tenants,
  id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  kind text not null check (kind in ('CREDIT_TRANSFER', 'DIRECT_DEBIT')),
  object_kind text not null,
  object_id uuid not null,
  user_id uuid,
  amount numeric not null check (amount > 0),
  currency text not null check (currency in ('EUR', 'GBP')),
  remittance_information text not null,
  purpose_code text,
  mandate jsonb,
  send_at timestamptz not null,
  due_on date not null,
  sealed_counterparty bytea not null,
  status text not null check (status in ('READY', 'SENT', 'REJECTED', 'RECALLED')),
  lease_token uuid,
  leased_until timestamptz,
  primary key (tenant_id, id), unique (tenant_id, object_id),
  check ((kind = 'DIRECT_DEBIT') = (mandate is not null)));
create index bank_instructions_ready on bank_instructions (tenant_id, send_at, created_at, id) where status = 'READY';
select isolate_tenant('bank_instructions');
select grant_app('bank_instructions', 'select, insert, update');

-- A line was matched to a top-up; now to any object, and topup_id is left unused.
alter table bank_lines rename column client_reference to end_to_end_id;
alter table bank_lines drop constraint bank_lines_check;
alter table bank_lines drop constraint bank_lines_status_check;
alter table bank_lines add constraint bank_lines_status_check
  check (status in ('RECEIVED', 'MATCHED', 'UNMATCHED', 'ASSIGNED', 'RETURNED'));
alter table bank_lines add column kind text;
alter table bank_lines add column ordinal integer;
alter table bank_lines add column booking_on date;
alter table bank_lines add column value_on date;
alter table bank_lines add column return_reason text;
alter table bank_lines add column transaction_code text;
alter table bank_lines add column object_kind text;
alter table bank_lines add column object_id uuid;
alter table bank_lines add column matched_id uuid;
alter table bank_lines no force row level security;
update bank_lines set kind = 'CREDIT', ordinal = 0, booking_on = (due_at at time zone 'UTC')::date,
       value_on = (due_at at time zone 'UTC')::date, transaction_code = 'PMNT-RCDT-ESCT', matched_id = topup_id;
alter table bank_lines force row level security;
alter table bank_lines alter column kind set not null;
alter table bank_lines alter column ordinal set not null;
alter table bank_lines alter column booking_on set not null;
alter table bank_lines alter column value_on set not null;
alter table bank_lines alter column transaction_code set not null;
alter table bank_lines add constraint bank_lines_kind_check check (kind in ('SENT', 'REJECTED', 'CREDIT', 'DEBIT'));
alter table bank_lines add constraint bank_lines_matched
  check ((status in ('RECEIVED', 'UNMATCHED')) = (matched_id is null));
alter table bank_lines add constraint bank_lines_answers check ((object_kind is null) = (object_id is null));
create index bank_lines_unmatched on bank_lines (tenant_id, created_at, id) where status = 'UNMATCHED';

-- As in 0024.
create policy rename_works on dead_letters to current_user using (true) with check (true);
update dead_letters set sweep = 'bank.book' where sweep = 'payments.match';
drop policy rename_works on dead_letters;

-- What the simulated bank is told to do with payments.
alter table scenarios drop constraint scenarios_kind_check;
alter table scenarios add constraint scenarios_kind_check
  check (kind in ('order', 'check', 'data_change', 'payout', 'direct_debit'));
