-- Orders that wait for a cut-off are netted: one street order of whole shares per instrument and side serves them all.

create table blocks (
  tenant_id uuid not null references tenants,
  id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  status text not null check (status in ('COLLECTING', 'WORKING', 'ALLOTTING', 'DONE')),
  instrument_id uuid not null,
  isin text not null,
  mic text not null,
  currency text not null,
  side text not null check (side in ('BUY', 'SELL')),
  pace text not null check (pace in ('instant', 'calendar')),
  tick_size numeric not null check (tick_size > 0),
  decimals integer not null check (decimals between 0 and 18),
  cut_off_at timestamptz not null,
  quote numeric not null check (quote > 0),
  members integer not null default 0 check (members >= 0),
  unserved integer not null default 0 check (unserved >= 0 and unserved <= members),
  reserve numeric not null default 0 check (reserve >= 0),
  shares numeric not null default 0 check (shares >= 0),
  price numeric check (price > 0),
  complete boolean not null default false,
  traded_at timestamptz,
  street_order_id uuid,
  mode text not null default 'whole' check (mode in ('whole', 'share', 'room', 'age')),
  part numeric not null default 0 check (part >= 0),
  weights numeric not null default 0 check (weights >= 0),
  least numeric not null default 0 check (least >= 0),
  given numeric not null default 0 check (given >= 0),
  last_rest numeric,
  last_accepted_at timestamptz,
  last_order_id uuid,
  primary key (tenant_id, id)
) with (fillfactor = 50);
-- What is accepted for a cut-off after its block was sent begins another.
create unique index blocks_collecting on blocks (tenant_id, instrument_id, currency, mic, side, cut_off_at)
  where status = 'COLLECTING';
create index blocks_open on blocks (tenant_id, cut_off_at, id) where status <> 'DONE';
select isolate_tenant('blocks');
select grant_app('blocks', 'select, insert, update');

-- What a block knows of an order in it; `step` is its smallest quantity, `cap` what its lock bears.
create table block_members (
  tenant_id uuid not null,
  order_id uuid not null,
  block_id uuid not null,
  accepted_at timestamptz not null,
  quantity numeric check (quantity > 0),
  cash_amount numeric check (cash_amount > 0),
  cap numeric not null check (cap > 0),
  decimals integer not null check (decimals between 0 and 18),
  step numeric not null check (step > 0),
  allotted numeric check (allotted >= 0),
  primary key (tenant_id, order_id),
  foreign key (tenant_id, block_id) references blocks (tenant_id, id),
  check ((quantity is null) <> (cash_amount is null))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create index block_members_of_block on block_members (tenant_id, block_id);
create index block_members_unserved on block_members (tenant_id, block_id, accepted_at, order_id) where allotted is null;
select isolate_tenant('block_members');
select grant_app('block_members', 'select, insert, update');

-- When blocks are sent, in a venue's local time; '' stands for every venue that is not named.
create table block_cut_offs (
  tenant_id uuid not null references tenants,
  mic text not null,
  local_time time not null,
  primary key (tenant_id, mic)
);
select isolate_tenant('block_cut_offs');
select grant_app('block_cut_offs', 'select, insert, update');

create view pub_blocks with (security_invoker = true) as
select tenant_id, id, status, instrument_id, currency, side, cut_off_at, reserve, street_order_id, price, shares, given,
       complete
  from blocks;
select grant_app('pub_blocks', 'select');
create view pub_block_members with (security_invoker = true) as
select tenant_id, order_id, block_id, allotted from block_members;
select grant_app('pub_block_members', 'select');

-- A block's street order names no customer.
alter table street_orders alter column account_id drop not null, alter column user_id drop not null;
alter table street_orders add constraint street_orders_whose check ((account_id is null) = (user_id is null));

-- What the house sold for a block is booked once its customers have delivered to the house.
alter table block_trades add column posted boolean not null default true;

create or replace view pub_executions with (security_invoker = true) as
select tenant_id, id, order_id, status, quantity, cash_amount, account_group_id, currency, side, fee, price, through,
       instrument_id
  from executions;
create view pub_block_trades with (security_invoker = true) as
select tenant_id, id, street_order_id, quantity, posted from block_trades;
select grant_app('pub_block_trades', 'select');
