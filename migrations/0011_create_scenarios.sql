-- What the simulated outside world is told to do with the next objects of a kind. Refused in production.

create table scenarios (
  tenant_id uuid not null references tenants,
  id uuid not null,
  created_at timestamptz not null,
  name text not null,
  kind text not null check (kind in ('order', 'check', 'data_change')),
  account_id uuid,
  user_id uuid,
  client_reference text,
  times integer not null check (times > 0),
  used integer not null default 0 check (used between 0 and times),
  removed_at timestamptz,
  primary key (tenant_id, id),
  check (num_nonnulls(account_id, user_id, client_reference) = 1));
create index scenarios_created on scenarios (tenant_id, created_at, id);
create index scenarios_open on scenarios (tenant_id, kind, created_at, id) where used < times and removed_at is null;
select wall('scenarios');
select grant_app('scenarios', 'select, insert, update');

-- Which object used a scenario up. The object keeps it: asked about again, it meets the same fate.
create table scenario_uses (
  tenant_id uuid not null,
  object_id uuid not null,
  scenario_id uuid not null,
  created_at timestamptz not null,
  primary key (tenant_id, object_id),
  foreign key (tenant_id, scenario_id) references scenarios (tenant_id, id));
select wall('scenario_uses');
select grant_app('scenario_uses', 'select, insert');
