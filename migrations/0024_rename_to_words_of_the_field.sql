-- Tables, functions and works are called what the field calls them; rows, grants and policies stay as they are.

alter table set_aside rename to dead_letters;
alter table dead_letters rename constraint set_aside_pkey to dead_letters_pkey;
alter table dead_letters rename constraint set_aside_dropped_by_someone to dead_letters_dropped_by_someone;
alter table dead_letters rename constraint set_aside_tenant_id_fkey to dead_letters_tenant_id_fkey;

alter table told_instruments rename to instrument_cursors;
alter table instrument_cursors rename constraint told_instruments_pkey to instrument_cursors_pkey;
alter table instrument_cursors
  rename constraint told_instruments_last_sequence_check to instrument_cursors_last_sequence_check;
alter table instrument_cursors rename constraint told_instruments_tenant_id_fkey to instrument_cursors_tenant_id_fkey;

-- What migrations from here on call for a table of tenants.
alter function wall(text) rename to isolate_tenant;

-- As in 0019.
create or replace function hidden_work() returns table (sweep text, waiting bigint, since timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select sweep, count(*), min(created_at) from dead_letters where dropped_at is null group by sweep
$$;

-- As in 0016.
create or replace function found_tenant(new_id uuid, new_name text, new_licence text, new_mode text, new_pace text,
                                        frozen_at timestamptz) returns uuid
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare known uuid;
begin
  perform pg_advisory_xact_lock(hashtextextended('tenant:' || new_name, 0));
  select t.tenant_id into known from tenants t where t.name = new_name;
  if known is not null then return known; end if;
  insert into tenants (tenant_id, name, licence, mode, pace, created_at)
  values (new_id, new_name, new_licence, new_mode, new_pace, coalesce(frozen_at, wire_now()));
  insert into clocks (tenant_id, mode, base)
  values (new_id, case when new_mode = 'production' then 'wall' when frozen_at is null then 'live' else 'frozen' end,
          coalesce(frozen_at, wire_now()));
  insert into instrument_cursors (tenant_id, last_sequence)
  values (new_id, coalesce((select max(c.sequence) from instrument_changes c), 0));
  return new_id;
end $$;

-- The owner's policy lets it read what was set aside and change nothing of it; for the names it may, for this once.
create policy rename_works on dead_letters to current_user using (true) with check (true);
update dead_letters d set sweep = w.new
  from (values
    ('bank_intake', 'payments.match'),
    ('check_users', 'onboarding.check'),
    ('close_account_groups', 'accounts.close_groups'),
    ('close_accounts', 'accounts.close'),
    ('review_data_changes', 'users.review_changes'),
    ('tell_instruments', 'instruments.tell'),
    ('webhook packages', 'webhooks.pack')) w (old, new)
 where d.sweep = w.old;
drop policy rename_works on dead_letters;
