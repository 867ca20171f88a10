-- What is asked before the tenant is known is asked of a directory: whose is this token, this key, this client; and which
-- tenants are there. All else is then asked of that tenant alone, so a machine that is gone stops only its own tenants.

-- Ids as their 16 bytes, tokens by their keyed hash. A row tells a tenant and no more: what it leads to decides.
create table credential_directory (
  credential bytea primary key,
  tenant uuid not null,
  -- Of a token; what does not expire stays.
  expires_at timestamptz);
create index credential_directory_expiry on credential_directory (expires_at) where expires_at is not null;

create table tenant_directory (
  tenant uuid primary key,
  name text not null unique,
  created_at timestamptz not null);

insert into tenant_directory (tenant, name, created_at) select tenant_id, name, created_at from tenants;
insert into credential_directory (credential, tenant)
  select uuid_send(id), tenant_id from api_clients union select uuid_send(id), tenant_id from client_keys;
insert into credential_directory (credential, tenant, expires_at)
  select hash, tenant_id, expires_at from access_tokens on conflict do nothing;

drop index access_tokens_hash;
drop index api_clients_id;
drop index client_keys_id;
drop index access_tokens_expiry;
create index access_tokens_expiry on access_tokens (tenant_id, expires_at);
-- Nobody but the tenant ends its tokens any more.
drop policy lookup on access_tokens;
create policy lookup on access_tokens for select to current_user using (true);

-- Notes that a credential is the tenant's whose unit this is.
create function note_credential(noted bytea, expires timestamptz) returns void
language plpgsql volatile security definer set search_path = public, pg_temp as $$
begin
  insert into credential_directory (credential, tenant, expires_at)
  values (noted, current_setting('app.tenant')::uuid, expires) on conflict do nothing;
end $$;
select grant_call('note_credential(bytea, timestamptz)');

-- As in 0020, each in two steps. Why plpgsql: a query with the tenant as a value goes to one shard, and keeps its plan.
create or replace function find_token(token_hash bytea)
returns table (tenant_id uuid, client_id uuid, client_name text, contract text, licence text, mode text, scopes text[],
               strict_idempotency boolean, expires_at timestamptz, version text)
language plpgsql stable security definer set search_path = public, pg_temp rows 1 as $$
declare whose uuid;
begin
  select d.tenant into whose from credential_directory d where d.credential = token_hash;
  return query
    select t.tenant_id, c.id, c.name, c.contract, o.licence, o.mode, t.scopes, c.strict_idempotency, t.expires_at,
           concat_ws(' ', t.xmin, c.xmin, o.xmin)
      from access_tokens t
      join api_clients c on c.tenant_id = t.tenant_id and c.id = t.client_id and c.disabled_at is null
      join tenants o on o.tenant_id = t.tenant_id
     where t.tenant_id = whose and t.hash = token_hash;
end $$;

create or replace function find_key(key uuid)
returns table (tenant_id uuid, client_id uuid, algorithm text, public_key text, version text)
language plpgsql stable security definer set search_path = public, pg_temp rows 1 as $$
declare whose uuid;
begin
  select d.tenant into whose from credential_directory d where d.credential = uuid_send(key);
  return query
    select k.tenant_id, k.client_id, k.algorithm, k.public_key, concat_ws(' ', k.xmin, c.xmin)
      from client_keys k
      join api_clients c on c.tenant_id = k.tenant_id and c.id = k.client_id and c.disabled_at is null
     where k.tenant_id = whose and k.id = key and k.removed_at is null;
end $$;

create or replace function find_client(client uuid)
returns table (tenant_id uuid, client_id uuid, client_name text, contract text, scopes text[], secret_hash bytea,
               rate_limit integer, mode text)
language plpgsql stable security definer set search_path = public, pg_temp rows 1 as $$
declare whose uuid;
begin
  select d.tenant into whose from credential_directory d where d.credential = uuid_send(client);
  return query
    select c.tenant_id, c.id, c.name, c.contract, c.scopes, c.secret_hash, c.rate_limit, o.mode
      from api_clients c join tenants o on o.tenant_id = c.tenant_id
     where c.tenant_id = whose and c.id = client and c.disabled_at is null;
end $$;

-- Tenants and their names; how their clocks stand is another question, which goes to all of them.
drop function list_tenants();
create function list_tenants() returns table (tenant_id uuid, name text)
language sql stable security definer set search_path = public, pg_temp as $$
  select d.tenant, d.name from tenant_directory d order by d.created_at, d.tenant
$$;
select grant_call('list_tenants()');

create function list_clocks() returns table (tenant_id uuid, frozen boolean, advancing boolean, dirty boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select c.tenant_id, c.mode = 'frozen', c.advance_to is not null, c.dirty from clocks c order by c.tenant_id
$$;
select grant_call('list_clocks()');

-- As in 0024; a name is looked for in the directory.
create or replace function found_tenant(new_id uuid, new_name text, new_licence text, new_mode text, new_pace text,
                                        frozen_at timestamptz) returns uuid
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare known uuid; told bigint; at timestamptz := coalesce(frozen_at, wire_now());
begin
  perform pg_advisory_xact_lock(hashtextextended('tenant:' || new_name, 0));
  select d.tenant into known from tenant_directory d where d.name = new_name;
  if known is not null then return known; end if;
  select coalesce(max(c.sequence), 0) into told from instrument_changes c;
  insert into tenant_directory (tenant, name, created_at) values (new_id, new_name, at);
  insert into tenants (tenant_id, name, licence, mode, pace, created_at)
  values (new_id, new_name, new_licence, new_mode, new_pace, at);
  insert into clocks (tenant_id, mode, base)
  values (new_id, case when new_mode = 'production' then 'wall' when frozen_at is null then 'live' else 'frozen' end, at);
  insert into instrument_cursors (tenant_id, last_sequence) values (new_id, told);
  return new_id;
end $$;

-- Tokens that ended go tenant by tenant; what leads to them goes here.
drop function expire_tokens();
create function forget_credentials() returns void language plpgsql volatile security definer
set search_path = public, pg_temp as $$
begin
  delete from credential_directory where expires_at < wire_now() - interval '1 hour';
end $$;
select grant_call('forget_credentials()');

-- As in 0023. `whose` are the tenants of the pairs, which whoever asks has read with them: each pair is looked up in its
-- tenant.
drop function admit_requests(uuid[], text[], bigint[], bytea[], text[], uuid[], text[]);
create function admit_requests(key_ids uuid[], new_nonces text[], usable_until bigint[], whose uuid[],
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
  token_now text;
  key_now text;
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
select grant_call('admit_requests(uuid[], text[], bigint[], uuid[], bytea[], text[], uuid[], text[])');
