-- A tenant that was moved to another installation is closed here: it is read as before, and its units refuse to write.

alter table tenants add column closed_at timestamptz;

-- As in 0026; it also says since when the tenant is closed.
drop function open_unit(uuid, integer, boolean);
create function open_unit(tenant uuid, n integer, draining boolean)
returns table (now timestamptz, frozen boolean, write_number bigint, dirty boolean, tenant_name text,
               closed_at timestamptz)
language plpgsql volatile as $$
declare c clocks; at timestamptz;
begin
  execute format('set local app.tenant = %L', tenant);
  select t.name, t.closed_at into tenant_name, closed_at from tenants t where t.tenant_id = tenant;
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
select grant_call('open_unit(uuid, integer, boolean)');

-- As in 0028; it also says who is closed, so that nobody looks for work there.
drop function list_clocks();
create function list_clocks()
returns table (tenant_id uuid, frozen boolean, advancing boolean, dirty boolean, closed boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select c.tenant_id, c.mode = 'frozen', c.advance_to is not null, c.dirty, t.closed_at is not null
    from clocks c join tenants t on t.tenant_id = c.tenant_id order by c.tenant_id
$$;
select grant_call('list_clocks()');
