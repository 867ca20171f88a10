-- Instruments, venues and imported prices: shared reference data, which has no tenant.
--
-- The application role only reads here. The owner adds the master when it migrates and runs the two imports, so no request
-- can change what another tenant trades. Every tenant sees the same rows; a time of business stands in none of them.

create table venues (
  id uuid primary key,
  mic text not null unique check (mic ~ '^[A-Z0-9]{4}$'),
  name text not null check (length(name) between 1 and 100),
  whole_shares boolean not null);
select grant_app('venues', 'select');

-- id is made from the ISIN alone, so it is equal on every machine.
create table instruments (
  id uuid primary key,
  isin text not null unique check (isin ~ '^[A-Z]{2}[A-Z0-9]{9}[0-9]$'),
  wkn text check (wkn ~ '^[A-HJ-NP-Z0-9]{6}$'),
  name text not null check (length(name) between 1 and 100),
  type text not null check (type in ('EQUITY', 'ETF', 'BOND', 'FUND')),
  home_country text check (home_country ~ '^[A-Z]{2}$'),
  fractional_trading boolean not null,
  quantity_decimals integer not null check (quantity_decimals between 0 and 10),
  trading_status text not null check (trading_status in ('ACTIVE', 'INACTIVE')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (fractional_trading = (quantity_decimals > 0)));
create index instruments_created on instruments (created_at, id);
create index instruments_updated on instruments (updated_at, id);
select grant_app('instruments', 'select');

-- A listing: an instrument at a venue. Among listings in one currency the one with the lowest place is chosen first.
create table instrument_venues (
  instrument_id uuid not null references instruments,
  venue_id uuid not null references venues,
  place integer not null check (place > 0),
  currency text not null check (currency in ('EUR', 'GBP')),
  tick_size numeric not null check (tick_size between 0.0001 and 1),
  reference_price numeric not null check (reference_price > 0),
  primary key (instrument_id, venue_id));
select grant_app('instrument_venues', 'select');

-- minutes = 1440: a daily bar; at and ends_at are then the venue's opening and close.
create table bars (
  instrument_id uuid not null,
  venue_id uuid not null,
  at timestamptz not null,
  minutes integer not null check (minutes between 1 and 1440),
  ends_at timestamptz not null,
  open numeric not null check (open > 0),
  high numeric not null,
  low numeric not null check (low > 0),
  close numeric not null check (close > 0),
  volume numeric not null check (volume >= 0),
  primary key (instrument_id, venue_id, at, minutes),
  foreign key (instrument_id, venue_id) references instrument_venues,
  check (ends_at > at),
  check (low <= least(open, close) and high >= greatest(open, close)));
select grant_app('bars', 'select');

create table quotes (
  instrument_id uuid not null,
  venue_id uuid not null,
  at timestamptz not null,
  bid numeric not null check (bid > 0),
  offer numeric not null check (offer >= bid),
  primary key (instrument_id, venue_id, at),
  foreign key (instrument_id, venue_id) references instrument_venues);
select grant_app('quotes', 'select');

-- First and last day with imported prices, kept by the import: most listings have none, and one look here says so.
create table imported_ranges (
  instrument_id uuid not null,
  venue_id uuid not null,
  first_on date not null,
  last_on date not null check (last_on >= first_on),
  primary key (instrument_id, venue_id),
  foreign key (instrument_id, venue_id) references instrument_venues);
select grant_app('imported_ranges', 'select');
