-- The look with which a flush opens its unit admits the requests in it, so that their nonces are kept by the commit of
-- their effects. What is locked is locked in this order: the clock, the nonces, then whatever keys nobody else holds.
drop function open_keyed_unit(uuid, integer, boolean, bigint[], uuid[], uuid[]);

create function open_keyed_unit(tenant uuid, n integer, draining boolean, locks bigint[], client_ids uuid[], keys uuid[],
                                key_ids uuid[] default null, new_nonces text[] default null,
                                usable_until bigint[] default null, whose uuid[] default null,
                                tokens bytea[] default null, token_versions text[] default null,
                                signing_keys uuid[] default null, key_versions text[] default null)
returns table (now timestamptz, frozen boolean, write_number bigint, dirty boolean, tenant_name text,
               closed_at timestamptz, master bigint, locked integer[], stored jsonb, used integer[], changed integer[])
language plpgsql volatile as $$
begin
  select u.* into now, frozen, write_number, dirty, tenant_name, closed_at from open_unit(tenant, n, draining) as u;
  if not found then return; end if;
  if whose is not null then
    select a.used, a.changed into used, changed
      from admit_requests(key_ids, new_nonces, usable_until, whose, tokens, token_versions, signing_keys,
                          key_versions) as a;
  end if;
  select coalesce(max(c.sequence), 0) into master from instrument_changes c;
  select array_agg(k.n), jsonb_agg(to_jsonb(k)) filter (where k.uses > 0) into locked, stored
    from claim_keys(tenant, locks, client_ids, keys) as k;
  return next;
end $$;
select grant_call('open_keyed_unit(uuid, integer, boolean, bigint[], uuid[], uuid[], uuid[], text[], bigint[], uuid[],'
                  ' bytea[], text[], uuid[], text[])');

-- A nonce that is in an open flush is waited for as long as other nonces are not kept waiting by it.
alter function admit_requests(uuid[], text[], bigint[], uuid[], bytea[], text[], uuid[], text[]) set lock_timeout to '1s';
