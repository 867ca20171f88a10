-- A unit that works under keys of requests opens with one look: at its tenant and clock as every unit, at its keys, and
-- at how new the instruments are, so that what a process remembers of them is told apart from what has changed.
create function open_keyed_unit(tenant uuid, n integer, draining boolean, locks bigint[], client_ids uuid[], keys uuid[])
returns table (now timestamptz, frozen boolean, write_number bigint, dirty boolean, tenant_name text,
               closed_at timestamptz, master bigint, locked integer[], stored jsonb)
language plpgsql volatile as $$
begin
  select u.* into now, frozen, write_number, dirty, tenant_name, closed_at from open_unit(tenant, n, draining) as u;
  if not found then return; end if;
  select coalesce(max(c.sequence), 0) into master from instrument_changes c;
  select array_agg(k.n), jsonb_agg(to_jsonb(k)) filter (where k.uses > 0) into locked, stored
    from claim_keys(tenant, locks, client_ids, keys) as k;
  return next;
end $$;
select grant_call('open_keyed_unit(uuid, integer, boolean, bigint[], uuid[], uuid[])');
