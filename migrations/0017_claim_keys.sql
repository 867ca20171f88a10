-- Idempotency keys are locked and looked up in one round trip.

-- A statement of a volatile function sees what was committed before that statement began, so the look-up is younger
-- than the locks. Lateral with a limit: one look-up in the primary key per key, whatever the planner believes of the
-- table. What is not stored counts no uses.
create function claim_keys(tenant uuid, locks bigint[], client_ids uuid[], keys uuid[])
returns table (n integer, uses integer, method text, path text, body_hash bytea, field_hashes jsonb, status smallint,
               body text, fresh boolean)
language plpgsql volatile as $$
declare mine integer[];
begin
  select array_agg(t.n::integer) into mine from unnest(locks) with ordinality as t(lock, n)
   where pg_try_advisory_xact_lock(t.lock);
  return query
    select m, coalesce(i.uses, 0), coalesce(i.method, ''), coalesce(i.path, ''), coalesce(i.body_hash, ''),
           coalesce(i.field_hashes, '{}'), coalesce(i.status, 0::smallint), i.body, coalesce(i.fresh, false)
      from unnest(mine) as m
      left join lateral (select s.*, s.created_at > wire_now() - interval '7 days' as fresh from idempotency s
                          where s.tenant_id = tenant and s.client_id = client_ids[m] and s.key = keys[m] limit 1) i on true;
end $$;
select grant_call('claim_keys(uuid, bigint[], uuid[], uuid[])');
