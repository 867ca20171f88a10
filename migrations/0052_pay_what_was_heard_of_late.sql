-- What comes back of a payout may be told before the payout itself: the day on which the bank told that it paid.
alter table withdrawals add column paid_on date;
-- The rows of all tenants are meant, as in 0034.
alter table withdrawals no force row level security;
update withdrawals set paid_on = (updated_at at time zone 'UTC')::date where status = 'CONFIRMED';
alter table withdrawals force row level security;
alter table withdrawals add constraint withdrawals_paid_when_confirmed
  check (paid_on is null or status = 'CONFIRMED');
