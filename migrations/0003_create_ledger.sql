-- The books: balances, journals and entries, locks, lots.
--
-- No foreign key leads to tenants from here: forced row-level security already holds tenant_id to the unit's tenant, and a
-- key-share lock on the one tenants row by every posting would be the hottest lock of the system. No foreign key leads from
-- entries to balances either (it would fire for every entry): entries are written from rows that the transaction has locked,
-- and the audit reports orphans.

-- One row per customer balance: a group's cash in one currency, or an account's units of one instrument (asset: its id).
create table balances (
  tenant_id uuid not null,
  id bigint generated always as identity,
  owner_kind text not null check (owner_kind in ('group', 'account')),
  owner_id uuid not null,
  asset text not null,
  available numeric not null default 0,
  locked numeric not null default 0,
  withdrawing numeric not null default 0,
  covering numeric not null default 0,
  blocked numeric not null default 0,
  due numeric not null default 0,
  unsettled_in numeric not null default 0,
  unsettled_out numeric not null default 0,
  version integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id), unique (tenant_id, owner_id, asset),
  constraint balances_owner check ((owner_kind = 'group') = (length(asset) = 3)),
  constraint balances_available check (available >= 0),
  constraint balances_locked check (locked >= 0),
  constraint balances_withdrawing check (withdrawing >= 0),
  constraint balances_covering check (covering >= 0),
  constraint balances_blocked check (blocked >= 0),
  constraint balances_due check (due <= 0),
  constraint balances_unsettled_in check (unsettled_in >= 0),
  constraint balances_unsettled_out check (unsettled_out >= 0),
  constraint balances_set_off check (due = 0 or available = 0),
  constraint balances_buckets check (
    case owner_kind when 'group' then blocked = 0 and unsettled_out = 0 else withdrawing = 0 and covering = 0 end)
) with (fillfactor = 50);
select wall('balances');
select grant_app('balances', 'select, insert, update');

-- What the house has; detail is set for the street alone, which has one row per settlement day. No floor.
create table house_balances (
  tenant_id uuid not null,
  asset text not null,
  bucket text not null,
  detail text not null default '',
  balance numeric not null,
  primary key (tenant_id, asset, bucket, detail)) with (fillfactor = 50);
select wall('house_balances');
select grant_app('house_balances', 'select, insert, update');

-- A posting takes a block of ids with one call.
create sequence journal_blocks increment by 10000;
do $$ begin
  execute format('grant usage on sequence journal_blocks to %I', current_setting('openvest.app_role'));
end $$;

create table journals (
  tenant_id uuid not null,
  id bigint not null,
  kind text not null,
  object_id uuid not null,
  reverses bigint,
  booking_on date not null,
  value_on date not null,
  at timestamptz not null,
  primary key (tenant_id, id), unique (tenant_id, kind, object_id),
  foreign key (tenant_id, reverses) references journals (tenant_id, id));
create unique index journals_reversed on journals (tenant_id, reverses) where reverses is not null;
select wall('journals');
select grant_app('journals', 'select, insert');

-- balance_id null: an entry of the house. Memo entries remember what is not settled and own nothing.
create table entries (
  tenant_id uuid not null,
  journal_id bigint not null,
  line smallint not null,
  asset text not null,
  balance_id bigint,
  bucket text not null,
  memo boolean not null generated always as (bucket in ('unsettled_in', 'unsettled_out', 'memo')) stored,
  amount numeric not null check (amount <> 0),
  detail text not null default '',
  primary key (tenant_id, journal_id, line),
  foreign key (tenant_id, journal_id) references journals (tenant_id, id),
  constraint entries_bucket check (
    case when balance_id is null
      then bucket in ('bank', 'own_bank', 'street', 'custody', 'issuer', 'client_funding', 'suspense', 'fees', 'vat',
                      'tax_income', 'tax_solidarity', 'tax_church', 'fractions', 'fx', 'rounding', 'losses', 'memo')
      else bucket in ('available', 'locked', 'withdrawing', 'covering', 'blocked', 'due', 'unsettled_in', 'unsettled_out')
    end));
create index entries_balance on entries (tenant_id, balance_id, journal_id) where balance_id is not null;
select wall('entries');
select grant_app('entries', 'select, insert');

-- A journal is written whole, in one statement; it must sum to zero per asset, its memo entries for themselves.
create function journals_must_be_zero() returns trigger language plpgsql as $$
declare wrong record;
begin
  select journal_id, asset, memo, sum(amount) as total into wrong
    from fresh group by tenant_id, journal_id, asset, memo having sum(amount) <> 0 limit 1;
  if found then
    raise exception 'journal % is not balanced: its % entries of % sum to %',
      wrong.journal_id, case when wrong.memo then 'memo' else 'economic' end, wrong.asset, wrong.total
      using errcode = 'check_violation', constraint = 'entries_zero', table = 'entries';
  end if;
  return null;
end $$;
create trigger entries_zero after insert on entries referencing new table as fresh
  for each statement execute function journals_must_be_zero();

-- What an order has locked and not used yet; the rows of a balance sum to its `locked`.
create table locks (
  tenant_id uuid not null,
  object_id uuid not null,
  balance_id bigint not null,
  amount numeric not null check (amount >= 0),
  primary key (tenant_id, object_id, balance_id),
  foreign key (tenant_id, balance_id) references balances (tenant_id, id)) with (fillfactor = 80);
select wall('locks');
select grant_app('locks', 'select, insert, update');

-- cost null: unknown, which is not zero.
create table lots (
  tenant_id uuid not null,
  id uuid not null,
  account_id uuid not null,
  instrument_id uuid not null,
  acquired_at timestamptz not null,
  quantity numeric not null check (quantity > 0),
  remaining numeric not null,
  cost numeric,
  remaining_cost numeric,
  sum_advance_tax numeric not null default 0,
  remaining_advance_tax numeric not null default 0,
  origin text not null check (origin in ('execution', 'transfer', 'corporate_action')),
  origin_id uuid not null,
  primary key (tenant_id, id),
  check (remaining between 0 and quantity),
  check ((cost is null) = (remaining_cost is null))) with (fillfactor = 80);
create index lots_open on lots (tenant_id, account_id, instrument_id, acquired_at, id) where remaining > 0;
select wall('lots');
select grant_app('lots', 'select, insert, update');

-- Which disposal consumed how much of which lot; given_back where the disposal was reversed.
create table lot_uses (
  tenant_id uuid not null,
  disposal_id uuid not null,
  lot_id uuid not null,
  quantity numeric not null check (quantity > 0),
  cost numeric,
  advance_tax numeric not null default 0,
  given_back boolean not null default false,
  primary key (tenant_id, disposal_id, lot_id),
  foreign key (tenant_id, lot_id) references lots (tenant_id, id));
create index lot_uses_lot on lot_uses (tenant_id, lot_id);
select wall('lot_uses');
select grant_app('lot_uses', 'select, insert, update');

-- The published figures of cash and positions, for features above. Cash: balance, withdrawable; units: balance is the
-- quantity, settled_quantity. A balance that nothing was posted to is not there.
create view pub_balances with (security_invoker = true) as
select tenant_id, owner_kind, owner_id, asset,
       available + locked + withdrawing + covering + blocked + due as balance,
       locked as locked_for_trading,
       unsettled_in + covering as pending_settlement,
       available + due - unsettled_in as available_for_withdrawal,
       available + due as available_for_trading,
       available + locked + withdrawing + covering + blocked + due - unsettled_in + unsettled_out as settled_quantity,
       version, created_at, updated_at
  from balances where version > 0;
select grant_app('pub_balances', 'select');

-- What the house has, for features above (the inventory of fractions).
create view pub_house_balances with (security_invoker = true) as
select tenant_id, asset, bucket, sum(balance) as balance from house_balances group by tenant_id, asset, bucket;
select grant_app('pub_house_balances', 'select');
