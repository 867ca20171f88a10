-- Orders for a whole portfolio, and the orders for single instruments that each is divided into.

create table portfolio_orders (
  tenant_id uuid not null,
  id uuid not null,
  version integer not null check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  user_id uuid not null,
  account_id uuid not null,
  account_group_id uuid not null,
  portfolio_id uuid not null,
  allocation_id uuid not null,
  side text not null check (side in ('BUY', 'SELL')),
  cash_amount numeric not null check (cash_amount > 0 and scale(cash_amount) <= 2),
  currency text not null,
  post_tax boolean not null,
  status text not null check (status in ('NEW', 'PROCESSING', 'FILLED', 'SETTLED', 'CANCELLED')),
  cancellation_reason text check (cancellation_reason in
    ('ACCOUNT_IS_EMPTY', 'CANCELLED_BY_CLIENT', 'CANCELLED_BY_UPVEST', 'SELL_LIMIT_EXCEEDED')),
  cancellation_details text check (cancellation_details <> ''),
  cancel_asked_at timestamptz,
  due_at timestamptz check (due_at is null or status = 'NEW'),
  primary key (tenant_id, id),
  check ((status = 'CANCELLED') = (cancellation_reason is not null)),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id),
  foreign key (tenant_id, portfolio_id) references portfolio_configurations (tenant_id, id),
  foreign key (tenant_id, allocation_id) references portfolio_allocations (tenant_id, id));
create index portfolio_orders_account on portfolio_orders (tenant_id, account_id, id);
create index portfolio_orders_allocation on portfolio_orders (tenant_id, allocation_id, id);
create index portfolio_orders_due on portfolio_orders (tenant_id, due_at, id) where due_at is not null;
create index portfolio_orders_under_way on portfolio_orders (tenant_id, account_id)
  where status in ('NEW', 'PROCESSING');
select isolate_tenant('portfolio_orders');
select grant_app('portfolio_orders', 'select, insert, update');

create table portfolio_order_children (
  tenant_id uuid not null,
  order_id uuid not null,
  portfolio_order_id uuid not null,
  position integer not null check (position >= 0),
  primary key (tenant_id, order_id),
  foreign key (tenant_id, order_id) references orders (tenant_id, id),
  foreign key (tenant_id, portfolio_order_id) references portfolio_orders (tenant_id, id));
create unique index portfolio_order_children_parent on portfolio_order_children
  (tenant_id, portfolio_order_id, position);
select isolate_tenant('portfolio_order_children');
select grant_app('portfolio_order_children', 'select, insert');

-- What features above may know of orders in their own statements.
create view pub_orders with (security_invoker = true) as
select tenant_id, id, account_id, side, status, cash_amount from orders;
select grant_app('pub_orders', 'select');

create trigger marks after insert on portfolio_orders referencing new table as fresh
  for each statement execute function drop_marks_by_id('portfolio_orders');
