-- How long a list is, and where a page deep in it begins, is read from marks: after every thousandth row of a long list
-- stands how many rows there are up to it, so that whoever asks counts what came after the last. Housekeeping lays them
-- (docs/adr/0027). A mark without an ordinal is not counted yet.
create table list_marks (
  tenant_id uuid not null,
  list text not null,
  chain text not null,
  parent uuid not null,
  state text not null,
  at timestamptz not null,
  id uuid not null,
  ordinal bigint check (ordinal > 0),
  laid_at timestamptz not null,
  primary key (tenant_id, list, chain, parent, state, at, id)
);
select isolate_tenant('list_marks');
select grant_app('list_marks', 'select, insert, update, delete');
create index list_marks_reach on list_marks (tenant_id, list, at, id);
create index list_marks_uncounted on list_marks (tenant_id, laid_at) where ordinal is null;

-- A row that comes in behind marks makes them wrong, so they go; that is rare, and costs other writers one look.
create function drop_marks(whose uuid, lists text, first_at timestamptz, first_id uuid)
returns void language plpgsql as $$
begin
  if exists (select from list_marks m
              where m.tenant_id = whose and m.list = lists and (m.at, m.id) >= (first_at, first_id)) then
    delete from list_marks m
     where m.tenant_id = whose and m.list = lists and (m.at, m.id) >= (first_at, first_id);
  end if;
end $$;

create function drop_marks_by_creation() returns trigger language plpgsql as $$
declare came record;
begin
  select f.tenant_id, f.created_at, f.id into came from fresh f order by f.created_at, f.id limit 1;
  if found then
    perform drop_marks(came.tenant_id, tg_argv[0], came.created_at, came.id);
  end if;
  return null;
end $$;

create function drop_marks_by_booking() returns trigger language plpgsql as $$
declare came record;
begin
  select f.tenant_id, f.booking_date, f.id into came from fresh f order by f.booking_date, f.id limit 1;
  if found then
    perform drop_marks(came.tenant_id, tg_argv[0], came.booking_date, came.id);
  end if;
  return null;
end $$;

create function drop_marks_by_id() returns trigger language plpgsql as $$
declare came record;
begin
  select f.tenant_id, f.id into came from fresh f order by f.id limit 1;
  if found then
    perform drop_marks(came.tenant_id, tg_argv[0], 'epoch', came.id);
  end if;
  return null;
end $$;

-- An order that changes its state leaves one list of its account and joins another.
create function drop_marks_of_states() returns trigger language plpgsql as $$
declare changed record; first_id uuid;
begin
  select n.tenant_id, array_agg(n.id) as ids, array_agg(n.account_id) as accounts, array_agg(o.status) as old,
         array_agg(n.status) as new
    into changed
    from stale o join fresh n on n.id = o.id where n.status <> o.status group by n.tenant_id;
  if not found then
    return null;
  end if;
  select i into first_id from unnest(changed.ids) as i order by i limit 1;
  if exists (select from list_marks m
              where m.tenant_id = changed.tenant_id and m.list = 'orders' and m.at = 'epoch' and m.id >= first_id) then
    delete from list_marks m
     using unnest(changed.ids, changed.accounts, changed.old, changed.new) as c(id, account_id, old, new)
     where m.tenant_id = changed.tenant_id and m.list = 'orders' and m.at = 'epoch' and m.parent = c.account_id
       and m.state in (c.old, c.new) and m.id >= c.id;
  end if;
  return null;
end $$;

create trigger marks after insert on users referencing new table as fresh
  for each statement execute function drop_marks_by_creation('users');
create trigger marks after insert on account_groups referencing new table as fresh
  for each statement execute function drop_marks_by_creation('account_groups');
create trigger marks after insert on accounts referencing new table as fresh
  for each statement execute function drop_marks_by_creation('accounts');
create trigger marks after insert on cash_transactions referencing new table as fresh
  for each statement execute function drop_marks_by_booking('cash_transactions');
create trigger marks after insert on securities_transactions referencing new table as fresh
  for each statement execute function drop_marks_by_booking('securities_transactions');
create trigger marks after insert on orders referencing new table as fresh
  for each statement execute function drop_marks_by_id('orders');
create trigger marks_of_states after update on orders referencing old table as stale new table as fresh
  for each statement execute function drop_marks_of_states();

-- An account's orders are listed by id, most often those of one state: nothing but this index is read for what is
-- counted, skipped or sorted. Nothing asks for them by when they were made.
create index orders_of_account on orders (tenant_id, account_id, id)
  include (status, created_at, cancellation_reason);
drop index orders_account;
-- Top-ups of a group by id.
create index topups_of_group on topups (tenant_id, account_group_id, id);
