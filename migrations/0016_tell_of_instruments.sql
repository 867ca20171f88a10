-- What an import changed of instruments, and how far each tenant was told of it.
--
-- Instruments have no tenant and events belong to one. So the import writes what it changed once, for all, in its own
-- transaction; each tenant has a cursor into that, which moves in the transaction of the events. A sequence is safe to
-- read by `> last` here, because imports hold one lock from their first statement to their commit. The master that
-- comes with the program writes nothing here.

alter table instruments add column version integer not null default 1 check (version > 0);

create table instrument_changes (
  instrument_id uuid not null references instruments,
  sequence bigint generated always as identity primary key,
  version integer not null check (version > 0),
  types text[] not null check (cardinality(types) > 0),
  -- The instrument as events keep it.
  snapshot jsonb not null,
  -- The instrument's updated_at: equal for what one statement of one import changed, and for nothing else.
  imported_at timestamptz not null,
  unique (instrument_id, version));
select grant_app('instrument_changes', 'select');

create table told_instruments (
  tenant_id uuid primary key references tenants,
  last_sequence bigint not null check (last_sequence >= 0),
  -- When the last of them was told, in the tenant's time.
  told_at timestamptz) with (fillfactor = 70);
select wall('told_instruments');
select grant_app('told_instruments', 'select, update');
create policy lookup on told_instruments to current_user using (true) with check (true);
insert into told_instruments (tenant_id, last_sequence) select tenant_id, 0 from tenants;

-- As in 0001; a new tenant knows the instruments as they are, so it is told of later changes only.
create or replace function found_tenant(new_id uuid, new_name text, new_licence text, new_mode text, new_pace text,
                                        frozen_at timestamptz) returns uuid
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare known uuid;
begin
  perform pg_advisory_xact_lock(hashtextextended('tenant:' || new_name, 0));
  select t.tenant_id into known from tenants t where t.name = new_name;
  if known is not null then return known; end if;
  insert into tenants (tenant_id, name, licence, mode, pace, created_at)
  values (new_id, new_name, new_licence, new_mode, new_pace, coalesce(frozen_at, wire_now()));
  insert into clocks (tenant_id, mode, base)
  values (new_id, case when new_mode = 'production' then 'wall' when frozen_at is null then 'live' else 'frozen' end,
          coalesce(frozen_at, wire_now()));
  insert into told_instruments (tenant_id, last_sequence)
  values (new_id, coalesce((select max(c.sequence) from instrument_changes c), 0));
  return new_id;
end $$;

-- Everything frozen has work from the commit of this transaction on: it is drained before its next write. The lock is the
-- one the runner holds while it drains, so no clock is marked clean by a look that came before. Run by the owner.
create function disturb_frozen_clocks() returns void language plpgsql volatile as $$
declare frozen uuid;
begin
  for frozen in select c.tenant_id from clocks c where c.mode = 'frozen' order by c.tenant_id loop
    perform pg_advisory_xact_lock(hashtextextended('drain:' || frozen::text, 0));
  end loop;
  update clocks c set dirty = true where c.mode = 'frozen';
end $$;
