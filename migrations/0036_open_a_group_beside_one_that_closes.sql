-- Who has an account group that is closing may open another: its money is transferred there.

drop index account_groups_personal;
create unique index account_groups_personal on account_groups (tenant_id, user_id)
  where type = 'PERSONAL' and status not in ('CLOSING', 'CLOSED');
