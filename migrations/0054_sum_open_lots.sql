-- What the open lots of a holding sum to, by the currency they were paid for in ('' where the cost is unknown), so that
-- the price of what is held is read from a row or two and not from every purchase.
create table lot_sums (
  tenant_id uuid not null,
  account_id uuid not null,
  instrument_id uuid not null,
  currency text not null,
  remaining numeric not null check (remaining >= 0),
  cost numeric not null,
  primary key (tenant_id, account_id, instrument_id, currency)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The rows of all tenants are meant, which the owner sees only where the wall does not hold it too.
alter table lots no force row level security;
insert into lot_sums (tenant_id, account_id, instrument_id, currency, remaining, cost)
select tenant_id, account_id, instrument_id, coalesce(currency, ''), sum(remaining), coalesce(sum(remaining_cost), 0)
  from lots where remaining > 0 group by 1, 2, 3, 4;
alter table lots force row level security;

select isolate_tenant('lot_sums');
select grant_app('lot_sums', 'select, insert, update');
