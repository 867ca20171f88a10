-- A request is kept beside its answer, sealed with it, and no longer as a hash of each of its fields.

-- Answers that were kept before hold no request: their key, method and path tell that a request is that one again.
alter table idempotency drop column body_hash, drop column field_hashes;

drop function claim_keys(uuid, bigint[], uuid[], uuid[]);

-- As in 0017.
create function claim_keys(tenant uuid, locks bigint[], client_ids uuid[], keys uuid[])
returns table (n integer, uses integer, method text, path text, status smallint, body text, fresh boolean)
language plpgsql volatile as $$
declare mine integer[];
begin
  select array_agg(t.n::integer) into mine from unnest(locks) with ordinality as t(lock, n)
   where pg_try_advisory_xact_lock(t.lock);
  return query
    select m, coalesce(i.uses, 0), coalesce(i.method, ''), coalesce(i.path, ''), coalesce(i.status, 0::smallint), i.body,
           coalesce(i.fresh, false)
      from unnest(mine) as m
      left join lateral (select s.*, s.created_at > wire_now() - interval '7 days' as fresh from idempotency s
                          where s.tenant_id = tenant and s.client_id = client_ids[m] and s.key = keys[m] limit 1) i on true;
end $$;
select grant_call('claim_keys(uuid, bigint[], uuid[], uuid[])');
