-- What every request asks the database is asked by one call, which says only what is wrong: mostly nothing.

drop function claim_nonces(uuid[], text[], timestamptz[]);
drop function still_known(bytea[], text[], uuid[], text[]);
drop function forget_nonces();
drop function nonce_slot(timestamptz);

-- The partition of nonces that are usable until then, in Unix seconds. Whole numbers: this is asked of every request.
create function nonce_slot(usable_until bigint) returns smallint language sql immutable
  as $$ select (usable_until / 3600 % 4)::smallint $$;

create function forget_nonces() returns void language plpgsql volatile security definer
set search_path = public, pg_temp as $$
declare
  old text := 'nonces_' || nonce_slot(extract(epoch from wire_now() + interval '2 hours')::bigint);
  full_slot boolean;
begin
  execute format('select exists (select from %I)', old) into full_slot;
  if full_slot then execute format('truncate %I', old); end if;
end $$;
select grant_call('forget_nonces()');

-- Claims nonces, and holds what a process remembers of tokens and keys against the tables. Returns positions (1-based),
-- null for none: `used` of the nonces that were used before (of equal ones within one call all but the first), `changed`
-- of the pairs of a token and a key of which find_token and find_key would not say the same version any more. Either of a
-- pair may be null.
--
-- Why plpgsql with these settings: the making of its plans would cost more than what they do, so they are kept, and must
-- be good for tables of any size: one look-up each, in an index.
create function admit_requests(key_ids uuid[], new_nonces text[], usable_until bigint[],
                               tokens bytea[], token_versions text[], keys uuid[], key_versions text[])
returns table (used integer[], changed integer[])
language plpgsql volatile security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  at timestamptz := wire_now();
  hour bigint := extract(epoch from at)::bigint / 3600;
  -- No signature is usable for as long as ten minutes. Only near the end of an hour can one nonce be in two partitions.
  next_hour bigint := (extract(epoch from at)::bigint + 600) / 3600;
  inserted integer;
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
  select array_agg(a.n::integer) into changed
    from unnest(tokens, token_versions, keys, key_versions) with ordinality as a(token, token_version, key, key_version, n)
   where a.token_version is distinct from (
           select concat_ws(' ', t.xmin, c.xmin, o.xmin) from access_tokens t
             join api_clients c on c.tenant_id = t.tenant_id and c.id = t.client_id and c.disabled_at is null
             join tenants o on o.tenant_id = t.tenant_id
            where t.hash = a.token limit 1)
      or a.key_version is distinct from (
           select concat_ws(' ', k.xmin, c.xmin) from client_keys k
             join api_clients c on c.tenant_id = k.tenant_id and c.id = k.client_id and c.disabled_at is null
            where k.id = a.key and k.removed_at is null limit 1);
  return next;
end $$;
select grant_call('admit_requests(uuid[], text[], bigint[], bytea[], text[], uuid[], text[])');
