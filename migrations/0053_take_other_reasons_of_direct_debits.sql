-- A direct debit that a bank refuses with a narrative alone ends for another reason, as a withdrawal does.

alter table direct_debits drop constraint direct_debits_cancellation_reason_check;
alter table direct_debits add constraint direct_debits_reason
  check (cancellation_reason in ('CANCELLED_BY_BANK', 'CANCELLED_BY_UPVEST', 'OTHER'));
