-- Tenants, their API clients and clocks, and the wire tables that have no tenant.
--
-- Two walls keep tenants apart: the WHERE of every query and the forced policy below. Functions marked SECURITY DEFINER
-- answer what must be known before the tenant is (token, key, client) with one row each; the owner, whom forced row-level
-- security binds too, reads those tables through the policy `lookup`.

-- The one place where SQL reads the wall clock.
create function wire_now() returns timestamptz language sql volatile
  as 'select clock_timestamp()';

-- Grants for the application role, whose name the migration runner sets for its session.
create function grant_app(relation text, privileges text) returns void language plpgsql as $$
begin
  execute format('grant %s on %I to %I', privileges, relation, current_setting('openvest.app_role'));
end $$;

create function grant_call(signature text) returns void language plpgsql as $$
begin
  execute format('revoke all on function %s from public', signature);
  execute format('grant execute on function %s to %I', signature, current_setting('openvest.app_role'));
end $$;

-- Forced row-level security with the one policy every tenant table has.
create function wall(relation text) returns void language plpgsql as $$
begin
  execute format('alter table %I enable row level security, force row level security', relation);
  execute format(
    'create policy tenant on %I using (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid))'
    ' with check (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid))', relation);
end $$;

do $$ begin
  execute format('grant usage on schema public to %I', current_setting('openvest.app_role'));
end $$;

create table installation (
  singleton boolean primary key default true check (singleton),
  seed text not null,
  mode text not null check (mode in ('sandbox', 'production')),
  created_at timestamptz not null);
select grant_app('installation', 'select');

create table tenants (
  tenant_id uuid primary key,
  name text not null check (length(name) between 1 and 100),
  licence text not null check (licence in ('TOL', 'BYOL')),
  mode text not null check (mode in ('sandbox', 'production')),
  pace text not null check (pace in ('instant', 'calendar')),
  block_cut_off time not null default '16:00',
  created_at timestamptz not null);
select wall('tenants');
select grant_app('tenants', 'select');
create policy lookup on tenants to current_user using (true) with check (true);

-- Business time of a tenant. wall: the wall clock (production). live: the wall clock plus offset_us. frozen: base plus one
-- microsecond per tick, until advanced; `dirty` says that work may be due since the last write and must be drained first.
create table clocks (
  tenant_id uuid primary key references tenants,
  mode text not null check (mode in ('wall', 'live', 'frozen')),
  offset_us bigint not null default 0,
  base timestamptz not null,
  ticks bigint not null default 0,
  writes bigint not null default 0,
  dirty boolean not null default false,
  advance_to timestamptz) with (fillfactor = 50);
select wall('clocks');
select grant_app('clocks', 'select, update');
create policy lookup on clocks to current_user using (true) with check (true);

create table api_clients (
  tenant_id uuid not null references tenants,
  id uuid not null,
  name text not null,
  contract text not null check (contract in ('v1', 'lite')),
  scopes text[] not null,
  secret_hash bytea not null,
  rate_limit integer check (rate_limit > 0),
  strict_idempotency boolean not null default false,
  created_at timestamptz not null,
  disabled_at timestamptz,
  primary key (tenant_id, id), unique (tenant_id, name));
create index api_clients_id on api_clients (id);
select wall('api_clients');
select grant_app('api_clients', 'select, insert, update');
create policy lookup on api_clients for select to current_user using (true);

create table client_keys (
  tenant_id uuid not null,
  id uuid not null,
  client_id uuid not null,
  algorithm text not null check (algorithm in ('ecdsa-p521', 'ed25519')),
  public_key text not null,
  created_at timestamptz not null,
  removed_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, client_id) references api_clients (tenant_id, id));
create index client_keys_id on client_keys (id);
select wall('client_keys');
select grant_app('client_keys', 'select, insert, update');
create policy lookup on client_keys for select to current_user using (true);

-- Access tokens, by keyed hash only.
create table access_tokens (
  tenant_id uuid not null,
  hash bytea not null,
  client_id uuid not null,
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, hash),
  foreign key (tenant_id, client_id) references api_clients (tenant_id, id));
create index access_tokens_hash on access_tokens (hash);
create index access_tokens_expiry on access_tokens (expires_at);
select wall('access_tokens');
select grant_app('access_tokens', 'select, insert, delete');
create policy lookup on access_tokens to current_user using (true);

-- Our own P-521 keys, which sign webhooks; the private half sealed with the master key.
create table signing_keys (
  tenant_id uuid not null references tenants,
  id uuid not null,
  sealed_private_key bytea not null,
  public_key text not null,
  created_at timestamptz not null,
  retired_at timestamptz,
  primary key (tenant_id, id));
select wall('signing_keys');
select grant_app('signing_keys', 'select, insert');

-- Answers of keyed requests, kept 7 days of wire time. Only 2xx. A later use of an expired key replaces the row.
create table idempotency (
  tenant_id uuid not null,
  client_id uuid not null,
  key uuid not null,
  uses integer not null default 1,
  method text not null,
  path text not null,
  body_hash bytea not null,
  field_hashes jsonb not null,
  status smallint not null check (status between 200 and 299),
  body text,
  created_at timestamptz not null,
  primary key (tenant_id, client_id, key),
  foreign key (tenant_id, client_id) references api_clients (tenant_id, id));
create index idempotency_age on idempotency (tenant_id, created_at);
select wall('idempotency');
select grant_app('idempotency', 'select, insert, update, delete');

-- Rows of work that could not be decided; they stay out of their sweep until someone has looked.
create table set_aside (
  tenant_id uuid not null references tenants,
  sweep text not null,
  row_id uuid not null,
  error text not null,
  created_at timestamptz not null,
  primary key (tenant_id, sweep, row_id));
select wall('set_aside');
select grant_app('set_aside', 'select, insert, delete');

-- Wire tables: no tenant, no direct grant, written only through the functions below.

-- Nonces live in four slots by the hour their signature expires in; a slot two hours away is emptied.
create table nonces (
  slot smallint not null check (slot between 0 and 3),
  key_id uuid not null,
  nonce text not null,
  expires_at timestamptz not null,
  primary key (slot, key_id, nonce)) partition by list (slot);
create table nonces_0 partition of nonces for values in (0);
create table nonces_1 partition of nonces for values in (1);
create table nonces_2 partition of nonces for values in (2);
create table nonces_3 partition of nonces for values in (3);

create function nonce_slot(at timestamptz) returns smallint language sql immutable
  as $$ select (floor(extract(epoch from at) / 3600)::bigint % 4)::smallint $$;

-- Claims nonces; returns the positions (1-based) that were new. Equal pairs within one call: at most one position.
create function claim_nonces(key_ids uuid[], new_nonces text[], expiries timestamptz[]) returns setof integer
language sql volatile security definer set search_path = public, pg_temp as $$
  with asked as (
    select n::integer as n, key_id, nonce, expires_at, nonce_slot(expires_at) as slot
      from unnest(key_ids, new_nonces, expiries) with ordinality as t(key_id, nonce, expires_at, n)),
  claimed as (
    insert into nonces (slot, key_id, nonce, expires_at)
    select slot, key_id, nonce, expires_at from asked a
     where not exists (
       select from nonces o
        where o.slot in ((a.slot + 1) % 4, (a.slot + 3) % 4) and o.key_id = a.key_id and o.nonce = a.nonce
          and o.expires_at > wire_now())
    on conflict do nothing
    returning slot, key_id, nonce)
  select min(a.n) from claimed c join asked a using (slot, key_id, nonce) group by c.slot, c.key_id, c.nonce
$$;
select grant_call('claim_nonces(uuid[], text[], timestamptz[])');

-- Empties the slot that no living signature can fall into; the worker calls it now and then.
create function forget_nonces() returns void language plpgsql volatile security definer
set search_path = public, pg_temp as $$
declare old text := 'nonces_' || nonce_slot(wire_now() + interval '2 hours');
  full_slot boolean;
begin
  execute format('select exists (select from %I)', old) into full_slot;
  if full_slot then execute format('truncate %I', old); end if;
end $$;
select grant_call('forget_nonces()');

create table rate_leases (
  client_id uuid primary key,
  tokens double precision not null,
  refilled_at timestamptz not null) with (fillfactor = 50);

-- Takes up to `wanted` tokens from the client's bucket (which holds one second's worth) and returns how many it got.
create function lease_rate(client uuid, per_second integer, wanted integer) returns integer
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
  at timestamptz := wire_now();
  bucket double precision;
  granted integer;
begin
  insert into rate_leases values (client, per_second, at) on conflict do nothing;
  select least(per_second, tokens + extract(epoch from greatest(at - refilled_at, interval '0')) * per_second) into bucket
    from rate_leases where client_id = client for update;
  granted := least(wanted, floor(bucket)::integer);
  update rate_leases set tokens = bucket - granted, refilled_at = greatest(at, refilled_at) where client_id = client;
  return granted;
end $$;
select grant_call('lease_rate(uuid, integer, integer)');

-- What must be known before the tenant.

create function find_token(token_hash bytea)
returns table (tenant_id uuid, client_id uuid, client_name text, contract text, licence text, mode text, scopes text[],
               strict_idempotency boolean, expires_at timestamptz)
language sql stable security definer set search_path = public, pg_temp rows 1 as $$
  select t.tenant_id, c.id, c.name, c.contract, o.licence, o.mode, t.scopes, c.strict_idempotency, t.expires_at
    from access_tokens t
    join api_clients c on c.tenant_id = t.tenant_id and c.id = t.client_id and c.disabled_at is null
    join tenants o on o.tenant_id = t.tenant_id
   where t.hash = token_hash
   limit 1
$$;
select grant_call('find_token(bytea)');

create function find_key(key uuid)
returns table (tenant_id uuid, client_id uuid, algorithm text, public_key text)
language sql stable security definer set search_path = public, pg_temp rows 1 as $$
  select k.tenant_id, k.client_id, k.algorithm, k.public_key
    from client_keys k
    join api_clients c on c.tenant_id = k.tenant_id and c.id = k.client_id and c.disabled_at is null
   where k.id = key and k.removed_at is null
   limit 1
$$;
select grant_call('find_key(uuid)');

create function find_client(client uuid)
returns table (tenant_id uuid, client_id uuid, client_name text, contract text, scopes text[], secret_hash bytea,
               rate_limit integer, mode text)
language sql stable security definer set search_path = public, pg_temp rows 1 as $$
  select c.tenant_id, c.id, c.name, c.contract, c.scopes, c.secret_hash, c.rate_limit, o.mode
    from api_clients c join tenants o using (tenant_id)
   where c.id = client and c.disabled_at is null
   limit 1
$$;
select grant_call('find_client(uuid)');

create function list_tenants() returns table (tenant_id uuid, name text, frozen boolean, advancing boolean, dirty boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select t.tenant_id, t.name, c.mode = 'frozen', c.advance_to is not null, c.dirty
    from tenants t join clocks c using (tenant_id) order by t.created_at, t.tenant_id
$$;
select grant_call('list_tenants()');

-- First start: stores seed and mode, and gives back what is stored (a caller with another seed must refuse).
create function found_installation(new_seed text, new_mode text) returns installation
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare found_row installation;
begin
  insert into installation (seed, mode, created_at) values (new_seed, new_mode, wire_now()) on conflict do nothing;
  select * into found_row from installation;
  return found_row;
end $$;
select grant_call('found_installation(text, text)');

-- A tenant with its clock; returns the id of the existing one where the name is taken.
create function found_tenant(new_id uuid, new_name text, new_licence text, new_mode text, new_pace text,
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
  return new_id;
end $$;
select grant_call('found_tenant(uuid, text, text, text, text, timestamptz)');

create function expire_tokens() returns void language sql volatile security definer
set search_path = public, pg_temp
as $$ delete from access_tokens where expires_at < wire_now() - interval '1 hour' $$;
select grant_call('expire_tokens()');

-- Opens a unit of work: sets the tenant for this transaction and returns its business time.
-- n > 0: a unit that writes events for n items; on a frozen clock it locks the clock row, refuses (dirty) where earlier
-- work must be drained first and the caller is not the drain itself, and ticks once per item: item i is dated now + i us.
create function open_unit(tenant uuid, n integer, draining boolean)
returns table (now timestamptz, frozen boolean, write_number bigint, dirty boolean, tenant_name text)
language plpgsql volatile as $$
declare c clocks; at timestamptz; named text;
begin
  perform set_config('app.tenant', tenant::text, true);
  select t.name into named from tenants t where t.tenant_id = tenant;
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
                        false, 0::bigint, false, named;
    return;
  end if;
  if n > 0 and c.dirty and not draining then
    return query select c.base, true, c.writes, true, named;
    return;
  end if;
  if n > 0 then
    update clocks k set ticks = c.ticks + n, writes = c.writes + case when draining then 0 else n end, dirty = true
     where k.tenant_id = tenant;
    return query select c.base + (c.ticks + 1) * interval '1 microsecond', true,
                        c.writes + case when draining then 0 else 1 end, false, named;
  else
    return query select c.base + c.ticks * interval '1 microsecond', true, c.writes, c.dirty, named;
  end if;
end $$;
select grant_call('open_unit(uuid, integer, boolean)');
