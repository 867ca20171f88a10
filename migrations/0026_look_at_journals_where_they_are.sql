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
