"""A stand-in for the extension citus in one throw-away database: the catalogs and functions that OpenVest asks.

Nothing is distributed. What the extension refuses is refused: a table before those it leads to, a table with triggers
without the setting, a neighbour that is not there. The real one is tried by hand (docs/operations/scale.md).
"""

from __future__ import annotations

import asyncpg

from tests.kit.cluster import Cluster

_EXTENSION = """
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
values (99999, 'citus', 10, 11, false, '12.1-1');
create table pg_catalog.pg_dist_node (isactive boolean, noderole text, shouldhaveshards boolean);
create table pg_catalog.pg_dist_partition
  (logicalrelid regclass, partmethod "char", partkey text, colocationid integer, repmodel "char");
create table pg_catalog.pg_dist_calls (n integer generated always as identity, call text);
grant select on pg_catalog.pg_dist_node, pg_catalog.pg_dist_partition to public;
grant all on pg_catalog.pg_dist_partition, pg_catalog.pg_dist_calls to public;
insert into pg_dist_node values (true, 'primary', true), (true, 'primary', true), (true, 'primary', false);

create function pg_catalog.column_to_column_name(regclass, partkey text) returns text language sql as 'select partkey';

create function pg_catalog.run_command_on_workers(command text)
returns table (nodename text, nodeport integer, success boolean, result text) language plpgsql as $$
begin
  nodename := 'node-a'; nodeport := 5432; success := true;
  execute command into result;
  return next;
end $$;

create function pg_catalog.refuse_before_targets(moved regclass) returns void language plpgsql as $$
declare missing regclass;
begin
  select k.confrelid into missing from pg_constraint k
   where k.conrelid = moved and k.contype = 'f' and k.confrelid <> moved
     and not exists (select from pg_dist_partition d where d.logicalrelid = k.confrelid);
  if found then raise exception '% leads to the local table %', moved, missing; end if;
end $$;

create function pg_catalog.create_distributed_function(called regprocedure, distribution_arg_name text default null)
returns void language sql as $$ insert into pg_dist_calls (call) values ('function ' || called) $$;

create function pg_catalog.create_reference_table(moved regclass) returns void language plpgsql as $$
begin
  perform refuse_before_targets(moved);
  insert into pg_dist_partition values (moved, 'n', null, 2, 't');
  insert into pg_dist_calls (call) values ('reference ' || moved);
end $$;

create function pg_catalog.create_distributed_table(
  moved regclass, distribution_column text, distribution_type text default 'hash', colocate_with text default 'default',
  shard_count integer default null) returns void language plpgsql as $$
declare beside integer := 1;
begin
  perform refuse_before_targets(moved);
  if exists (select from pg_trigger where tgrelid = moved and not tgisinternal)
     and current_setting('citus.enable_unsafe_triggers', true) is distinct from 'on' then
    raise exception 'triggers are not supported on distributed tables';
  end if;
  if colocate_with <> 'none' then
    select colocationid into strict beside from pg_dist_partition where logicalrelid = colocate_with::regclass;
  end if;
  insert into pg_dist_partition values (moved, 'h', distribution_column, beside, 's');
  insert into pg_dist_calls (call) values ('tenant ' || moved || coalesce(' in ' || shard_count, ''));
end $$;

create function pg_catalog.truncate_local_data_after_distributing_table(moved regclass) returns void
language plpgsql as $$
begin
  insert into pg_dist_calls (call) values ('truncate ' || moved);
  execute format('truncate %s cascade', moved);
end $$;
"""


async def install_stand_in(cluster: Cluster, name: str) -> None:
    """Make a database believe that it has the extension and two nodes."""
    connection = await asyncpg.connect(cluster.dsn(name, "postgres"))
    try:
        await connection.execute("set allow_system_table_mods = on")
        await connection.execute(_EXTENSION)
    finally:
        await connection.close()


async def calls(connection: asyncpg.Connection) -> list[str]:
    """What was asked of the stand-in so far, in order."""
    return [row["call"] for row in await connection.fetch("select call from pg_dist_calls order by n")]
