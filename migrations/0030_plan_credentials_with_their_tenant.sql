-- A distributed database chooses the node by the value of the tenant, so a plan that is made without values has none: it
-- refuses every statement on a tenant's rows within a function that forces such plans. Nonces stand beside all tenants;
-- they keep the forced plan, in a function of their own.

-- Positions, from 1, of nonces that were used before; null where there are none. As in 0028.
create function claim_nonces(key_ids uuid[], new_nonces text[], usable_until bigint[]) returns integer[]
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
declare
  at timestamptz := wire_now();
  hour bigint := extract(epoch from at)::bigint / 3600;
  -- No signature is usable for as long as ten minutes. Only near the end of an hour can one nonce be in two partitions.
  next_hour bigint := (extract(epoch from at)::bigint + 600) / 3600;
  inserted integer;
  used integer[];
begin
  insert into nonces (slot, key_id, nonce, expires_at)
  select nonce_slot(a.until), a.key_id, a.nonce, to_timestamp(a.until)
    from unnest(key_ids, new_nonces, usable_until) as a(key_id, nonce, until)
   where (a.until / 3600 = hour and next_hour = hour)
      or not exists (
           select from nonces o
            where o.slot in (nonce_slot(a.until - 3600), nonce_slot(a.until + 3600))
              and o.key_id = a.key_id and o.nonce = a.nonce and o.expires_at > at)
  on conflict do nothing;
  get diagnostics inserted = row_count;
  if inserted < cardinality(new_nonces) then
    with asked as (
      select a.n::integer as n, nonce_slot(a.until) as slot, a.key_id, a.nonce
        from unnest(key_ids, new_nonces, usable_until) with ordinality as a(key_id, nonce, until, n)),
    ours as (
      select min(a.n) as n from asked a, lateral (
        select from nonces o where o.slot = a.slot and o.key_id = a.key_id and o.nonce = a.nonce
           and o.xmin = pg_current_xact_id()::xid limit 1) o
       group by a.slot, a.key_id, a.nonce)
    select array_agg(a.n) into used from asked a where a.n not in (select n from ours);
  end if;
  return used;
end $$;

-- As in 0028: each pair is looked up in its tenant, by one node.
create or replace function admit_requests(key_ids uuid[], new_nonces text[], usable_until bigint[], whose uuid[],
                                          tokens bytea[], token_versions text[], keys uuid[], key_versions text[])
returns table (used integer[], changed integer[])
language plpgsql volatile security definer set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  token_now text;
  key_now text;
begin
  used := claim_nonces(key_ids, new_nonces, usable_until);
  for n in 1 .. cardinality(whose) loop
    token_now := null;
    key_now := null;
    if tokens[n] is not null then
      select concat_ws(' ', t.xmin, c.xmin, o.xmin) into token_now from access_tokens t
        join api_clients c on c.tenant_id = t.tenant_id and c.id = t.client_id and c.disabled_at is null
        join tenants o on o.tenant_id = t.tenant_id
       where t.tenant_id = whose[n] and t.hash = tokens[n];
    end if;
    if keys[n] is not null then
      select concat_ws(' ', k.xmin, c.xmin) into key_now from client_keys k
        join api_clients c on c.tenant_id = k.tenant_id and c.id = k.client_id and c.disabled_at is null
       where k.tenant_id = whose[n] and k.id = keys[n] and k.removed_at is null;
    end if;
    if token_now is distinct from token_versions[n] or key_now is distinct from key_versions[n] then
      changed := changed || n;
    end if;
  end loop;
  return next;
end $$;
