-- The news: every change of state writes its event in the transaction of the change.
--
-- A transaction that writes events writes one row of event_sets, after all its object locks are held; the sequencer gives
-- committed sets their first number in id order. An event's sequence is first_number + n - 1. Event rows never change.

create table event_counters (
  tenant_id uuid primary key references tenants,
  last bigint not null default 0) with (fillfactor = 50);
select wall('event_counters');
select grant_app('event_counters', 'select, insert, update');

create table event_sets (
  tenant_id uuid not null references tenants,
  id bigint generated always as identity,
  events integer not null check (events > 0),
  first_number bigint,
  primary key (tenant_id, id), unique (tenant_id, first_number));
create index event_sets_new on event_sets (tenant_id, id) where first_number is null;
select wall('event_sets');
select grant_app('event_sets', 'select, insert');
do $$ begin
  execute format('grant update (first_number) on event_sets to %I', current_setting('openvest.app_role'));
end $$;

create table events (
  tenant_id uuid not null,
  set_id bigint not null,
  n integer not null check (n > 0),
  id uuid not null,
  type text not null,
  object_id uuid not null,
  object_version integer not null,
  created_at timestamptz not null,
  snapshot jsonb not null,
  primary key (tenant_id, set_id, n),
  unique (tenant_id, object_id, object_version, type),
  foreign key (tenant_id, set_id) references event_sets (tenant_id, id));
select wall('events');
select grant_app('events', 'select, insert');

-- Tenants whose sets wait for a number; the sequencer goes round these.
create function tenants_to_number() returns setof uuid
language sql stable security definer set search_path = public, pg_temp as $$
  select distinct tenant_id from event_sets where first_number is null
$$;
create policy lookup on event_sets for select to current_user using (true);
select grant_call('tenants_to_number()');
