"""What an installation had before users kept since when they are stopped: lite tells it all the same."""

from __future__ import annotations

import asyncpg
import pytest

from openvest.db.migrate import apply_migrations, migrations_folder, read_folder
from tests.kit.cluster import APP, OWNER, Cluster

pytestmark = pytest.mark.anyio

# One who never began; one who was stopped twice; one who was stopped and is active again; one who left after it.
OLDER = """
set session_replication_role = replica;
insert into users (tenant_id, id, version, created_at, updated_at, status, licence, first_name, last_name, salutation,
                   title, birth_date, nationalities, address, postal_address, tags)
select gen_random_uuid(), gen_random_uuid(), 1, now(), now(), u.status, 'TOL', u.name, u.name, '', '', '1990-01-01',
       '{DE}', '{}', '{}', '{}'
  from (values ('begun', 'INACTIVE'), ('stopped', 'INACTIVE'), ('back', 'ACTIVE'), ('gone', 'OFFBOARDED'))
       u(name, status);
insert into events (tenant_id, set_id, n, id, type, object_id, object_version, created_at, snapshot)
select u.tenant_id, v.version, 1, gen_random_uuid(), v.type, u.id, v.version, v.at, '{}'
  from users u
 cross join (values (1, 'USER.CREATED', timestamptz '2026-01-01Z'), (2, 'USER.DEACTIVATED', '2026-02-01Z'),
                    (3, 'USER.DEACTIVATED', '2026-03-01Z'), (4, 'USER.DATA_CHANGED', '2026-04-01Z'))
       v(version, type, at)
 where v.version = 1 or u.first_name <> 'begun';
set session_replication_role = origin;
"""


async def test_who_was_stopped_before_is_known_to_be(cluster: Cluster) -> None:
    name = await cluster.create(template=None)
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    superuser = await asyncpg.connect(cluster.dsn(name, "postgres"))
    try:
        migrations = read_folder(migrations_folder())
        new = next(n for n, one in enumerate(migrations) if one.name.endswith("serve_users_in_lite"))
        await apply_migrations(owner, APP, migrations=migrations[:new])
        await superuser.execute(OLDER)
        await apply_migrations(owner, APP, migrations=migrations)
        rows = await superuser.fetch("select first_name, deactivated_at from users where deactivated_at is not null")
        assert [(row["first_name"], row["deactivated_at"].isoformat()) for row in rows] == [
            ("stopped", "2026-03-01T00:00:00+00:00")
        ]
    finally:
        await owner.close()
        await superuser.close()
        await cluster.drop(name)
