-- A database that is distributed by tenant can take every policy, every function and every statement of a tenant to the
-- one shard that holds the tenant. What stood in the way is written otherwise here; on one machine nothing else changes.

-- The one place where SQL reads the wall clock: when the statement that asks arrived, so one statement has one instant.
create or replace function wire_now() returns timestamptz language sql stable
  as $$ select statement_timestamp() $$;

-- An instant so many microseconds later. Immutable, which `timestamptz + interval` is not: its days follow a time zone.
create function plus_us(at timestamptz, us bigint) returns timestamptz language sql immutable
  as $$ select (at at time zone 'UTC' + us * interval '1 microsecond') at time zone 'UTC' $$;

alter function webhooks_waiting() stable;

-- What migrations from here on call for a table of tenants.
create or replace function isolate_tenant(relation text) returns void language plpgsql as $$
begin
  execute format('alter table %I enable row level security, force row level security', relation);
  execute format(
    'create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)'
    ' with check (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', relation);
end $$;

do $$
declare relation text;
begin
  for relation in select tablename from pg_policies where schemaname = 'public' and policyname = 'tenant' loop
    execute format(
      'alter policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)'
      ' with check (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', relation);
  end loop;
end $$;

-- As in 0001. SET LOCAL reaches every node that the transaction comes to; set_config would stay where it was called.
create or replace function open_unit(tenant uuid, n integer, draining boolean)
returns table (now timestamptz, frozen boolean, write_number bigint, dirty boolean, tenant_name text)
language plpgsql volatile as $$
declare c clocks; at timestamptz;
begin
  execute format('set local app.tenant = %L', tenant);
  select t.name into tenant_name from tenants t where t.tenant_id = tenant;
  select * into c from clocks k where k.tenant_id = tenant;
  if n > 0 and c.mode = 'frozen' then
    select * into c from clocks k where k.tenant_id = tenant for update;
  end if;
  if c.tenant_id is null then return; end if;
  if c.mode <> 'frozen' then
    at := wire_now();
    now := case when c.mode = 'wall' then at else plus_us(at, c.offset_us) end;
    frozen := false; write_number := 0; dirty := false;
    return next;
    return;
  end if;
  frozen := true;
  if n > 0 and c.dirty and not draining then
    now := c.base; write_number := c.writes; dirty := true;
  elsif n > 0 then
    update clocks k set ticks = c.ticks + n, writes = c.writes + case when draining then 0 else n end, dirty = true
     where k.tenant_id = tenant;
    now := plus_us(c.base, c.ticks + 1); write_number := c.writes + case when draining then 0 else 1 end; dirty := false;
  else
    now := plus_us(c.base, c.ticks); write_number := c.writes; dirty := c.dirty;
  end if;
  return next;
end $$;
