"""The second wall between tenants, taken down on purpose, so that a test sees what the first one holds by itself."""

from __future__ import annotations

import asyncpg

from tests.kit.cluster import OWNER, Cluster

_TAKE_DOWN = """
do $$
declare walled text;
begin
  for walled in select c.relname from pg_class c join pg_namespace s on s.oid = c.relnamespace
                 where s.nspname = 'public' and c.relrowsecurity loop
    execute format('alter table %I no force row level security, disable row level security', walled);
  end loop;
end $$
"""


async def take_down_policies(cluster: Cluster, name: str) -> None:
    """Switch row-level security off for every table of a database."""
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        await owner.execute(_TAKE_DOWN)
        assert await owner.fetchval("select count(*) from pg_class where relrowsecurity") == 0
    finally:
        await owner.close()
