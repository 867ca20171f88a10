-- Webhook subscriptions, and the package each has in flight.
--
-- A subscription is a cursor into the numbered events; there is no row per event. A package holds the bytes of one
-- delivery, so that a repetition repeats them; its primary key allows one per subscription. Instants of delivery are
-- wire time; created_at and updated_at are business time.

create table webhooks (
  tenant_id uuid not null references tenants,
  id uuid not null,
  contract text not null check (contract in ('v1', 'lite')),
  title text not null check (length(title) between 1 and 100),
  url text not null check (length(url) between 1 and 1000),
  enabled boolean not null,
  type text[] not null check (cardinality(type) > 0),
  exclude_type text[],
  delay_seconds integer not null check (delay_seconds between 1 and 30),
  max_package_size integer not null check (max_package_size between 100 and 1048576),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- The highest number that is packed or was not wanted; what waits lies above it.
  cursor_sequence bigint not null check (cursor_sequence >= 0),
  -- The last number of the last package that arrived.
  previous_sequence bigint not null default 0 check (previous_sequence >= 0),
  -- Since when the oldest wanted event waits, and when it is worth looking again; null: look whenever there is news.
  waiting_since timestamptz,
  look_at timestamptz,
  primary key (tenant_id, id)) with (fillfactor = 70);
select wall('webhooks');
select grant_app('webhooks', 'select, insert, update, delete');
create policy lookup on webhooks for select to current_user using (true);

create table webhook_packages (
  tenant_id uuid not null,
  webhook_id uuid not null,
  first_sequence bigint not null,
  last_sequence bigint not null,
  events integer not null check (events > 0),
  body bytea not null,
  closed_at timestamptz not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  failing_since timestamptz,
  last_failure text,
  -- Fencing: whoever records an outcome must hold the token of the last lease.
  lease_token uuid,
  leased_until timestamptz,
  primary key (tenant_id, webhook_id),
  foreign key (tenant_id, webhook_id) references webhooks (tenant_id, id),
  check (first_sequence between 1 and last_sequence),
  check ((lease_token is null) = (leased_until is null))) with (fillfactor = 70);
select wall('webhook_packages');
select grant_app('webhook_packages', 'select, insert, update, delete');
create policy lookup on webhook_packages for select to current_user using (true);
create policy lookup on event_counters for select to current_user using (true);

-- Tenants with something to pack or to send now; the deliverer goes round these.
create function webhooks_waiting() returns setof uuid
language sql volatile security definer set search_path = public, pg_temp as $$
  select w.tenant_id
    from webhooks w join event_counters c on c.tenant_id = w.tenant_id
   where w.enabled and w.cursor_sequence < c.last and (w.look_at is null or w.look_at <= wire_now())
     and not exists (select from webhook_packages p where p.tenant_id = w.tenant_id and p.webhook_id = w.id)
  union
  select p.tenant_id from webhook_packages p
   where p.next_attempt_at <= wire_now() and (p.leased_until is null or p.leased_until <= wire_now())
$$;
select grant_call('webhooks_waiting()');
