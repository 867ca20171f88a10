-- Allocations with the targets of each of their versions, and the configurations that make accounts follow them.

create table portfolio_allocations (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  name text not null check (name <> ''),
  primary key (tenant_id, id));
create index portfolio_allocations_created on portfolio_allocations (tenant_id, created_at, id);
select isolate_tenant('portfolio_allocations');
select grant_app('portfolio_allocations', 'select, insert, update');

create table portfolio_targets (
  tenant_id uuid not null,
  allocation_id uuid not null,
  version integer not null check (version > 0),
  position integer not null check (position >= 0),
  instrument_id uuid not null,
  isin text not null,
  by_id boolean not null,
  weight numeric not null check (weight > 0 and weight <= 100 and scale(weight) <= 5),
  primary key (tenant_id, allocation_id, version, position),
  foreign key (tenant_id, allocation_id) references portfolio_allocations (tenant_id, id));
create index portfolio_targets_instrument on portfolio_targets (tenant_id, instrument_id, allocation_id, version);
select isolate_tenant('portfolio_targets');
select grant_app('portfolio_targets', 'select, insert');

create table portfolio_configurations (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  account_id uuid not null,
  allocation_id uuid not null,
  name text not null check (name <> ''),
  status text not null check (status in ('ACTIVE', 'CLOSED')),
  primary key (tenant_id, id),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id),
  foreign key (tenant_id, allocation_id) references portfolio_allocations (tenant_id, id));
create unique index portfolio_configurations_account on portfolio_configurations (tenant_id, account_id)
  where status = 'ACTIVE';
create index portfolio_configurations_created on portfolio_configurations (tenant_id, created_at, id);
create index portfolio_configurations_listed on portfolio_configurations (tenant_id, status, account_id, id);
create index portfolio_configurations_allocation on portfolio_configurations
  (tenant_id, allocation_id, status, account_id, id);
select isolate_tenant('portfolio_configurations');
select grant_app('portfolio_configurations', 'select, insert, update');

create trigger marks after insert on portfolio_allocations referencing new table as fresh
  for each statement execute function drop_marks_by_id('portfolio_allocations');
create trigger marks after insert on portfolio_configurations referencing new table as fresh
  for each statement execute function drop_marks_by_creation('portfolio_configurations');
