"""The directory: whose a credential is, noted with it, found before the tenant is known, forgotten with it."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import pytest

from openvest.db.migrate import apply_migrations, migrations_folder, read_folder
from openvest.db.unit import Database, Unit
from openvest.features.tenants import service as tenants
from openvest.features.tenants import store
from tests.kit.cluster import APP, OWNER, Cluster
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

# As an installation before 0027 has it.
TENANT, CLIENT, KEY, HASH = uuid4(), uuid4(), uuid4(), b"a keyed hash of thirty-two bytes"
BEFORE = (
    ("insert into tenants (tenant_id, name, licence, mode, pace, created_at)"
     " values ($1, 'Old', 'TOL', 'sandbox', 'instant', now())", TENANT),
    ("insert into clocks (tenant_id, mode, base) values ($1, 'frozen', now())", TENANT),
    ("insert into api_clients (tenant_id, id, name, contract, scopes, secret_hash, created_at)"
     " values ($1, $2, 'old', 'v1', '{users:read}', '', now())", TENANT, CLIENT),
    ("insert into client_keys (tenant_id, id, client_id, algorithm, public_key, created_at)"
     " values ($1, $2, $3, 'ed25519', 'a key', now())", TENANT, KEY, CLIENT),
    ("insert into access_tokens (tenant_id, hash, client_id, scopes, created_at, expires_at)"
     " values ($1, $2, $3, '{users:read}', now(), now() + interval '1 hour')", TENANT, HASH, CLIENT),
)  # fmt: skip


async def test_what_an_older_installation_has_is_found(cluster: Cluster) -> None:
    name = await cluster.create(template=None)
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    superuser = await asyncpg.connect(cluster.dsn(name, "postgres"))
    try:
        migrations = read_folder(migrations_folder())
        await apply_migrations(owner, APP, migrations=migrations[:26])
        for sql, *args in BEFORE:
            await superuser.execute(sql, *args)
        await apply_migrations(owner, APP, migrations=migrations)
        application = await asyncpg.connect(cluster.dsn(name, APP))
        try:
            token = await application.fetchrow(store.FIND_TOKEN.sql, HASH)
            key = await application.fetchrow(store.FIND_KEY.sql, KEY)
            client = await application.fetchrow(store.FIND_CLIENT.sql, CLIENT)
            assert {found and found["tenant_id"] for found in (token, key, client)} == {TENANT}
            assert await application.fetchval("select name from list_tenants()") == "Old"
            found = await application.fetchval(
                store.FOUND_TENANT.sql, uuid4(), "Old", "TOL", "sandbox", "instant", None
            )
            assert found == TENANT, "its name is taken"
        finally:
            await application.close()
    finally:
        await owner.close()
        await superuser.close()
        await cluster.drop(name)


async def test_a_credential_is_noted_for_the_tenant_of_the_unit_alone(database: Database, tenant_id: UUID) -> None:
    other = await make_tenant(database, "Tenant B")

    async def make(unit: Unit) -> UUID:
        return (await tenants.create_client(unit, contract="v1", scopes="all")).client_id

    client = await database.write(tenant_id, make, n=0)

    async def note(unit: Unit) -> None:
        await unit.one(store.NOTE_CREDENTIAL, client.bytes, None)

    await database.write(other, note, n=0)
    assert await tenants.client_tenant(database, client) == tenant_id
