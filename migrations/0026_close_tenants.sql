-- A tenant that was moved to another installation is closed here: it is read as before, and its units refuse to write.

alter table tenants add column closed_at timestamptz;

-- As in 0001; it also says since when the tenant is closed.
drop function open_unit(uuid, integer, boolean);
create function open_unit(tenant uuid, n integer, draining boolean)
returns table (now timestamptz, frozen boolean, write_number bigint, dirty boolean, tenant_name text,
               closed_at timestamptz)
language plpgsql volatile as $$
declare c clocks; at timestamptz; named text; closed timestamptz;
begin
  perform set_config('app.tenant', tenant::text, true);
  select t.name, t.closed_at into named, closed from tenants t where t.tenant_id = tenant;
  if n > 0 then
    select * into c from clocks k where k.tenant_id = tenant;
    if c.mode = 'frozen' then
      select * into c from clocks k where k.tenant_id = tenant for update;
    end if;
  else
    select * into c from clocks k where k.tenant_id = tenant;
  end if;
  if c.tenant_id is null then return; end if;
  if c.mode <> 'frozen' then
    at := wire_now();
    return query select case when c.mode = 'wall' then at else at + c.offset_us * interval '1 microsecond' end,
                        false, 0::bigint, false, named, closed;
    return;
  end if;
  if n > 0 and c.dirty and not draining then
    return query select c.base, true, c.writes, true, named, closed;
    return;
  end if;
  if n > 0 then
    update clocks k set ticks = c.ticks + n, writes = c.writes + case when draining then 0 else n end, dirty = true
     where k.tenant_id = tenant;
    return query select c.base + (c.ticks + 1) * interval '1 microsecond', true,
                        c.writes + case when draining then 0 else 1 end, false, named, closed;
  else
    return query select c.base + c.ticks * interval '1 microsecond', true, c.writes, c.dirty, named, closed;
  end if;
end $$;
select grant_call('open_unit(uuid, integer, boolean)');

-- As in 0001; it also says who is closed, so that nobody looks for work there.
drop function list_tenants();
create function list_tenants()
returns table (tenant_id uuid, name text, frozen boolean, advancing boolean, dirty boolean, closed boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select t.tenant_id, t.name, c.mode = 'frozen', c.advance_to is not null, c.dirty, t.closed_at is not null
    from tenants t join clocks c using (tenant_id) order by t.created_at, t.tenant_id
$$;
select grant_call('list_tenants()');
