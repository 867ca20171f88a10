-- Money in suspense that the bank has paid back is not in suspense any more, and nothing pays it back twice.
alter table bank_lines drop constraint bank_lines_status_check;
alter table bank_lines add constraint bank_lines_status_check
  check (status in ('RECEIVED', 'MATCHED', 'UNMATCHED', 'ASSIGNED', 'RETURNED', 'PAID_BACK'));
-- The rows of all tenants are meant, as in 0034.
alter table bank_lines no force row level security;
alter table journals no force row level security;
update bank_lines l set status = 'PAID_BACK'
  from journals j
 where j.tenant_id = l.tenant_id and j.kind = 'PAYMENT_RETURNED' and j.object_id = l.matched_id
   and l.status = 'RETURNED';
alter table journals force row level security;
alter table bank_lines force row level security;
