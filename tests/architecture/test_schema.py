"""migrations/schema.sql is what the migrations come to, on every PostgreSQL we promise, and it can be loaded."""

from __future__ import annotations

import asyncpg
import pytest

from tests.kit.cluster import OWNER, Cluster
from tools.schema import FILE, Roles, dump

pytestmark = pytest.mark.anyio


async def test_the_migrations_come_to_the_file(owner: asyncpg.Connection) -> None:
    assert await dump(owner) == FILE.read_text(encoding="utf-8"), "run `make docs`"


async def test_the_file_loads_to_the_same_schema(cluster: Cluster) -> None:
    name = await cluster.create(template=None)
    connection = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        text = FILE.read_text(encoding="utf-8")
        await connection.execute(text)
        assert await dump(connection) == text
    finally:
        await connection.close()
        await cluster.drop(name)


@pytest.mark.parametrize(
    "change",
    [
        "create table gifts (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id))",
        "alter table topups add column of_nobody text",
        "alter table topups alter column cash_amount drop not null",
        "alter table topups alter column cash_amount type numeric(20, 2)",
        "alter table topups alter column status set default 'CONFIRMED'",
        "alter table topups drop constraint topups_status_check",
        "alter table orders drop constraint orders_tenant_id_account_id_fkey",
        "alter table topups set (fillfactor = 70)",
        "alter table topups disable row level security",
        "alter table topups no force row level security",
        "drop policy tenant on topups",
        "alter policy tenant on topups using (true)",
        "create policy lookup on topups for select to current_user using (true)",
        "drop index topups_group",
        "create index topups_status on topups (tenant_id, status)",
        "grant delete on entries to openvest_app",
        "grant update (amount) on entries to openvest_app",
        "revoke select on entries from openvest_app",
        "grant select on entries to public",
        "grant execute on function find_token(bytea) to public",
        "revoke execute on function find_token(bytea) from openvest_app",
        "grant usage on sequence journal_blocks to public",
        "alter sequence journal_blocks increment by 1",
        "alter function find_token(bytea) security invoker",
        "alter function find_token(bytea) reset search_path",
        "create or replace function wire_now() returns timestamptz language sql volatile as 'select now()'",
        "drop trigger entries_zero on entries",
        "drop view pub_house_balances",
        "alter view pub_users set (security_invoker = false)",
    ],
)
async def test_a_change_beside_the_migrations_is_seen(owner: asyncpg.Connection, change: str) -> None:
    await owner.execute(f"savepoint before; {change}")
    assert await dump(owner) != FILE.read_text(encoding="utf-8")
    await owner.execute("rollback to before")
    assert await dump(owner) == FILE.read_text(encoding="utf-8")


async def test_roles_have_the_names_of_the_file_whatever_they_are_elsewhere(owner: asyncpg.Connection) -> None:
    text = await dump(owner, Roles(owner="nobody", app="openvest_owner"))
    assert "create policy lookup on tenants for all to openvest_app" in text
