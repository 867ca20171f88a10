-- What a process remembers of tokens and keys is held against the tables by the statement that claims the nonces.

-- Both say which version of their rows was read: the transaction that wrote each. A changed row has another one.
drop function find_token(bytea);
create function find_token(token_hash bytea)
returns table (tenant_id uuid, client_id uuid, client_name text, contract text, licence text, mode text, scopes text[],
               strict_idempotency boolean, expires_at timestamptz, version text)
language sql stable security definer set search_path = public, pg_temp rows 1 as $$
  select t.tenant_id, c.id, c.name, c.contract, o.licence, o.mode, t.scopes, c.strict_idempotency, t.expires_at,
         concat_ws(' ', t.xmin, c.xmin, o.xmin)
    from access_tokens t
    join api_clients c on c.tenant_id = t.tenant_id and c.id = t.client_id and c.disabled_at is null
    join tenants o on o.tenant_id = t.tenant_id
   where t.hash = token_hash
   limit 1
$$;
select grant_call('find_token(bytea)');

drop function find_key(uuid);
create function find_key(key uuid)
returns table (tenant_id uuid, client_id uuid, algorithm text, public_key text, version text)
language sql stable security definer set search_path = public, pg_temp rows 1 as $$
  select k.tenant_id, k.client_id, k.algorithm, k.public_key, concat_ws(' ', k.xmin, c.xmin)
    from client_keys k
    join api_clients c on c.tenant_id = k.tenant_id and c.id = k.client_id and c.disabled_at is null
   where k.id = key and k.removed_at is null
   limit 1
$$;
select grant_call('find_key(uuid)');

-- The two functions below are asked by every request, and the making of their plans would cost more than what they do:
-- plpgsql keeps one. It must be good for tables of any size: lateral with a limit is one look-up each, in an index.

-- The positions (1-based) of those tokens and keys of which the two functions above would still say the same.
create function still_known(token_hashes bytea[], token_versions text[], keys uuid[], key_versions text[])
returns table (what text, n integer)
language plpgsql stable security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  return query
    select 'token'::text, a.n::integer from unnest(token_hashes, token_versions) with ordinality as a(hash, version, n),
           lateral (select concat_ws(' ', t.xmin, c.xmin, o.xmin) as version from access_tokens t
                      join api_clients c on c.tenant_id = t.tenant_id and c.id = t.client_id and c.disabled_at is null
                      join tenants o on o.tenant_id = t.tenant_id
                     where t.hash = a.hash limit 1) as f
     where f.version = a.version
    union all
    select 'key'::text, a.n::integer from unnest(keys, key_versions) with ordinality as a(key, version, n),
           lateral (select concat_ws(' ', k.xmin, c.xmin) as version from client_keys k
                      join api_clients c on c.tenant_id = k.tenant_id and c.id = k.client_id and c.disabled_at is null
                     where k.id = a.key and k.removed_at is null limit 1) as f
     where f.version = a.version;
end $$;
select grant_call('still_known(bytea[], text[], uuid[], text[])');

-- As it was, with a plan that is kept. Returns the positions (1-based) that were new. Equal pairs within one call: at most
-- one position.
create or replace function claim_nonces(key_ids uuid[], new_nonces text[], expiries timestamptz[]) returns setof integer
language plpgsql volatile security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  return query
    with asked as (
      select t.n::integer as n, t.k, t.nonce, t.expires_at, nonce_slot(t.expires_at) as slot
        from unnest(key_ids, new_nonces, expiries) with ordinality as t(k, nonce, expires_at, n)),
    claimed as (
      insert into nonces as c (slot, key_id, nonce, expires_at)
      select a.slot, a.k, a.nonce, a.expires_at from asked a
        left join lateral (
          select true as known from nonces o
           where o.slot in ((a.slot + 1) % 4, (a.slot + 3) % 4) and o.key_id = a.k and o.nonce = a.nonce
             and o.expires_at > wire_now() limit 1) u on true
       where u.known is null
      on conflict do nothing
      returning c.slot, c.key_id, c.nonce)
    select min(a.n) from claimed c join asked a on a.slot = c.slot and a.k = c.key_id and a.nonce = c.nonce
     group by c.slot, c.key_id, c.nonce;
end $$;
