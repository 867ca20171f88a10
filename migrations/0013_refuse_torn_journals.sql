-- A journal is written whole: with its entries, by one statement, and never added to.
--
-- What sums to zero could still be wrong: a journal row without entries would take the one place its object has, and two
-- balanced entries could be written behind those of an old journal. Each statement on entries must therefore bring the
-- first line of every journal it writes to (the key has it once), and each statement on journals their entries.

create or replace function journals_must_be_zero() returns trigger language plpgsql as $$
declare wrong record;
begin
  select journal_id, asset, memo, sum(amount) as total into wrong
    from fresh group by tenant_id, journal_id, asset, memo having sum(amount) <> 0 limit 1;
  if found then
    raise exception 'journal % is not balanced: its % entries of % sum to %',
      wrong.journal_id, case when wrong.memo then 'memo' else 'economic' end, wrong.asset, wrong.total
      using errcode = 'check_violation', constraint = 'entries_zero', table = 'entries';
  end if;
  select journal_id into wrong from fresh group by tenant_id, journal_id having min(line) <> 1 limit 1;
  if found then
    raise exception 'journal % is written in parts', wrong.journal_id
      using errcode = 'check_violation', constraint = 'entries_whole', table = 'entries';
  end if;
  return null;
end $$;

-- A lateral look-up with a limit is a loop over the new rows whatever the planner believes of the table's size.
create function journals_must_have_entries() returns trigger language plpgsql as $$
declare wrong record;
begin
  select f.id into wrong
    from fresh f
    left join lateral (
      select true as found from entries e where e.tenant_id = f.tenant_id and e.journal_id = f.id and e.line = 1 limit 1) e
      on true
   where e.found is null limit 1;
  if found then
    raise exception 'journal % has no entries', wrong.id
      using errcode = 'check_violation', constraint = 'journals_entries', table = 'journals';
  end if;
  return null;
end $$;
create trigger journals_entries after insert on journals referencing new table as fresh
  for each statement execute function journals_must_have_entries();
