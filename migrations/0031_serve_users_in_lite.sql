-- Since when a user who was ACTIVE is INACTIVE again: lite tells one who is stopped from one who has not begun.

alter table users add column deactivated_at timestamptz;
-- The users of all tenants are looked at, which the owner sees only where the wall does not hold it too.
alter table users no force row level security;
alter table events no force row level security;
update users u set deactivated_at = e.deactivated_at
  from (select tenant_id, object_id, max(created_at) as deactivated_at
          from events where type = 'USER.DEACTIVATED' group by tenant_id, object_id) e
 where u.tenant_id = e.tenant_id and u.id = e.object_id and u.status = 'INACTIVE';
alter table events force row level security;
alter table users force row level security;

-- A change of a user that is done at once first looks at those that still wait.
create index data_changes_waiting on data_changes (tenant_id, user_id) where status = 'RECEIVED';
