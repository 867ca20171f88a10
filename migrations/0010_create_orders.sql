-- Street orders, by which the house trades with a venue, and what the venue says; executions; orders of customers.

create table street_orders (
  tenant_id uuid not null references tenants,
  id uuid not null,
  order_id uuid not null,
  -- When the customer's order was accepted: of two that trade at one instant the older comes first.
  accepted_at timestamptz not null,
  account_id uuid not null,
  user_id uuid not null,
  client_reference text,
  instrument_id uuid not null,
  isin text not null,
  mic text not null,
  currency text not null,
  side text not null check (side in ('BUY', 'SELL')),
  order_type text not null check (order_type in ('MARKET', 'LIMIT', 'STOP')),
  quantity numeric check (quantity >= 0),
  cash_amount numeric check (cash_amount > 0),
  -- What a block counts on of the house's inventory beyond its street quantity.
  reserve numeric not null default 0 check (reserve >= 0),
  done numeric not null default 0 check (done >= 0),
  limit_price numeric check (limit_price > 0),
  stop_price numeric check (stop_price > 0),
  quantity_decimals integer not null,
  pace text not null check (pace in ('instant', 'calendar')),
  status text not null check (status in ('WORKING', 'FILLED', 'CANCELLED')),
  cancel_requested boolean not null default false,
  active_at timestamptz not null,
  look_after timestamptz not null,
  look_at timestamptz,
  lease_token uuid,
  leased_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id),
  check ((quantity is null) <> (cash_amount is null))) with (fillfactor = 70);
create index street_orders_look on street_orders (tenant_id, look_at, accepted_at, order_id) where look_at is not null;
create index street_orders_order on street_orders (tenant_id, order_id);
select wall('street_orders');
select grant_app('street_orders', 'select, insert, update');

-- What features above may know of street orders in their own statements.
create view pub_street_orders with (security_invoker = true) as
select tenant_id, id, order_id, instrument_id, status, reserve from street_orders;
select grant_app('pub_street_orders', 'select');

-- The inbox: dated reports of the venue. One told twice (external_id) is kept once.
create table venue_reports (
  tenant_id uuid not null,
  id uuid not null,
  street_order_id uuid not null,
  order_id uuid not null,
  accepted_at timestamptz not null,
  external_id text not null,
  ordinal integer not null,
  kind text not null check (kind in ('FILL', 'CANCELLED', 'REJECTED')),
  last boolean not null,
  quantity numeric check (quantity > 0),
  cash_amount numeric check (cash_amount > 0),
  price numeric check (price > 0),
  due_at timestamptz not null,
  booked_at timestamptz,
  primary key (tenant_id, id), unique (tenant_id, street_order_id, external_id),
  foreign key (tenant_id, street_order_id) references street_orders (tenant_id, id)) with (fillfactor = 80);
create index venue_reports_due on venue_reports (tenant_id, due_at, accepted_at, order_id, last, ordinal)
  where booked_at is null;
create index venue_reports_order on venue_reports (tenant_id, street_order_id);
select wall('venue_reports');
select grant_app('venue_reports', 'select, insert, update, delete');

create table executions (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  order_id uuid not null,
  street_order_id uuid,
  user_id uuid not null,
  account_id uuid not null,
  account_group_id uuid not null,
  instrument_id uuid not null,
  side text not null check (side in ('BUY', 'SELL')),
  status text not null check (status in ('FILLED', 'SETTLED', 'CANCELLED')),
  quantity numeric not null check (quantity > 0),
  cash_amount numeric not null check (cash_amount >= 0),
  price numeric not null check (price > 0),
  currency text not null,
  fee numeric not null default 0,
  venue_id uuid not null,
  through text not null check (through in ('street', 'fractions')),
  transaction_time timestamptz not null,
  traded_on date not null,
  settlement_date date not null,
  settles_at timestamptz not null,
  primary key (tenant_id, id)) with (fillfactor = 80);
create index executions_order on executions (tenant_id, order_id);
create index executions_due on executions (tenant_id, settles_at, id) where status = 'FILLED';
select wall('executions');
select grant_app('executions', 'select, insert, update');

-- What features above may know of executions in their own statements.
create view pub_executions with (security_invoker = true) as
select tenant_id, id, order_id, status, quantity, cash_amount from executions;
select grant_app('pub_executions', 'select');

-- What a block bought or sold at the street for customers of fractions. Settles by itself; its customers with it.
create table block_trades (
  tenant_id uuid not null,
  id uuid not null,
  street_order_id uuid not null,
  side text not null check (side in ('BUY', 'SELL')),
  instrument_id uuid not null,
  currency text not null,
  quantity numeric not null check (quantity > 0),
  cash_amount numeric not null,
  traded_on date not null,
  settlement_date date not null,
  settles_at timestamptz not null,
  settled_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, street_order_id) references street_orders (tenant_id, id));
create index block_trades_order on block_trades (tenant_id, street_order_id) where settled_at is null;
create index block_trades_due on block_trades (tenant_id, settles_at, id) where settled_at is null;
select wall('block_trades');
select grant_app('block_trades', 'select, insert, update');

-- The house's inventory of fractions that blocks under way count on. The inventory itself stands in the ledger.
create table fraction_reserves (
  tenant_id uuid not null references tenants,
  instrument_id uuid not null,
  reserved numeric not null default 0 check (reserved >= 0),
  primary key (tenant_id, instrument_id)) with (fillfactor = 50);
select wall('fraction_reserves');
select grant_app('fraction_reserves', 'select, insert, update');
create view pub_fraction_reserves with (security_invoker = true) as
select tenant_id, instrument_id, reserved from fraction_reserves;
select grant_app('pub_fraction_reserves', 'select');

create table orders (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  account_id uuid not null,
  account_group_id uuid not null,
  instrument_id uuid not null references instruments (id),
  isin text not null,
  side text not null check (side in ('BUY', 'SELL')),
  order_type text not null check (order_type in ('MARKET', 'LIMIT', 'STOP')),
  cash_amount numeric check (cash_amount > 0),
  quantity numeric check (quantity > 0),
  currency text not null,
  limit_price numeric check (limit_price > 0),
  stop_price numeric check (stop_price > 0),
  expiry_date date not null,
  execution_flow text not null check (execution_flow in ('STRAIGHT_THROUGH', 'BLOCK')),
  initiation_flow text not null check (initiation_flow in (
    'API', 'PORTFOLIO', 'CASH_DIVIDEND_REINVESTMENT', 'PORTFOLIO_REBALANCING', 'SELL_TO_COVER_FEES',
    'SELL_TO_COVER_TAXES', 'ACCOUNT_LIQUIDATION', 'UPVEST_OPERATIONS', 'SAVINGS_PLAN', 'CLIENT_OPERATIONS')),
  fit_acknowledged boolean,
  client_reference text,
  decision_maker_id uuid,
  fee numeric not null default 0 check (fee >= 0),
  fee_collected boolean not null default false,
  fee_type text,
  status text not null check (status in ('NEW', 'PROCESSING', 'FILLED', 'CANCELLED')),
  cancellation_reason text check (cancellation_reason in (
    'CANCELLED_BY_CLIENT', 'CANCELLED_BY_UPVEST_OPERATIONS', 'CANCELLED_BY_TRADING_PARTNER',
    'CANCELLED_BY_UPVEST_PLATFORM')),
  -- The check looks at a NEW order when due_at has come; null: it waits for something that has no instant.
  due_at timestamptz,
  expires_at timestamptz,
  mic text,
  lock_amount numeric not null default 0 check (lock_amount >= 0),
  through text not null default 'street' check (through in ('street', 'fractions')),
  executed_quantity numeric not null default 0 check (executed_quantity >= 0),
  executed_cash numeric not null default 0 check (executed_cash >= 0),
  executed_value numeric not null default 0 check (executed_value >= 0),
  fee_booked numeric not null default 0 check (fee_booked >= 0),
  lock_used numeric not null default 0 check (lock_used >= 0 and lock_used <= lock_amount),
  primary key (tenant_id, id),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id),
  check (status <> 'CANCELLED' or cancellation_reason is not null)) with (fillfactor = 70);
create index orders_due on orders (tenant_id, due_at, created_at, id) where status = 'NEW' and due_at is not null;
create index orders_expiry on orders (tenant_id, expires_at, id)
  where status in ('NEW', 'PROCESSING') and expires_at is not null;
create index orders_account on orders (tenant_id, account_id, created_at, id);
create index orders_waiting on orders (tenant_id, account_id) where status = 'NEW' and due_at is null;
select wall('orders');
select grant_app('orders', 'select, insert, update');

-- Executions stand below orders and are made for one; the wall between them is this key.
alter table executions add foreign key (tenant_id, order_id) references orders (tenant_id, id);
