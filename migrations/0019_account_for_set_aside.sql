-- What was set aside is seen by whoever watches, and may be dropped by someone with a name.

alter table set_aside
  add column dropped_at timestamptz,
  add column dropped_by text,
  add constraint set_aside_dropped_by_someone check ((dropped_at is null) = (dropped_by is null));
select grant_app('set_aside', 'update (dropped_at, dropped_by)');

-- For metrics and doctor, which ask for the whole installation: how much of each work waits for somebody, and since when.
create function hidden_work() returns table (sweep text, waiting bigint, since timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select sweep, count(*), min(created_at) from set_aside where dropped_at is null group by sweep
$$;
create policy lookup on set_aside for select to current_user using (true);
select grant_call('hidden_work()');
