-- A journal and its entries are looked at in the one shard that holds both.
--
-- The key of entries locked the row of its journal once per entry, for nothing: both are written by one statement, and the
-- application can remove neither. A proof of the books looks for entries without a journal. (docs/adr/0011)
alter table entries drop constraint entries_tenant_id_journal_id_fkey;

-- As in 0013. The query that names another table has values only, none of them from the new rows' table: so it is sent to
-- where the rows of that tenant are. Journals of two tenants at once are refused with it.
create or replace function journals_must_have_entries() returns trigger language plpgsql as $$
declare whose uuid; written bigint[]; whole bigint[];
begin
  select f.tenant_id into whose from fresh f limit 1;
  written := array(select f.id from fresh f);
  whole := array(
    select e.journal_id from unnest(written) as w(id) cross join lateral (
      select e.journal_id from entries e where e.tenant_id = whose and e.journal_id = w.id and e.line = 1 limit 1) e);
  if cardinality(whole) < cardinality(written) then
    raise exception 'journal % has no entries', (select w.id from unnest(written) as w(id) where w.id <> all (whole) limit 1)
      using errcode = 'check_violation', constraint = 'journals_entries', table = 'journals';
  end if;
  return null;
end $$;

-- A block of ids for new journals, and those of the journals that are there already under these kinds and objects. It is
-- asked when the balances are locked, so that the ids of a balance's journals stand in their order.
-- Why a function: a sequence is nobody's shard, so it is asked in a statement of its own, and that without a round trip.
create function known_journals(tenant uuid, kinds text[], objects uuid[])
returns table (kind text, object_id uuid, id bigint) language plpgsql volatile as $$
begin
  kind := '';
  id := nextval('journal_blocks');
  return next;
  return query
    select j.kind, j.object_id, j.id
      from unnest(kinds, objects) as k(kind, object_id) cross join lateral (
        select j.kind, j.object_id, j.id from journals j
         where j.tenant_id = tenant and j.kind = k.kind and j.object_id = k.object_id limit 1) j;
end $$;
select grant_call('known_journals(uuid, text[], uuid[])');
