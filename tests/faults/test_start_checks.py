"""A start on an unsafe server or as the wrong role is refused with a sentence that says what to do."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from openvest.db import checks
from openvest.db.address import DatabaseAddress
from openvest.db.attach import attach_or_start
from openvest.db.checks import LargeObjectsOpen, StartRefused, check_role, check_server_settings
from openvest.main.environment import Environment
from openvest.main.installation import check, embedded_urls, opened
from tests.faults.conftest import Folders, execute


async def settings_refusal(dsn: str) -> str | None:
    connection = await asyncpg.connect(dsn)
    try:
        await check_server_settings(connection)
    except StartRefused as refusal:
        return str(refusal)
    finally:
        await connection.close()
    return None


async def role_refusal(dsn: str) -> str | None:
    connection = await asyncpg.connect(dsn)
    try:
        await check_role(connection)
    except StartRefused as refusal:
        return str(refusal)
    finally:
        await connection.close()
    return None


async def eventually_refused(dsn: str, setting: str) -> str:
    """A reload reaches the sessions a moment later."""
    for _ in range(200):
        if said := await settings_refusal(dsn):
            return said
        await asyncio.sleep(0.02)
    raise AssertionError(f"{setting} off was not refused")


async def test_settings_that_may_lose_commits_are_refused(folders: Folders) -> None:
    async with attach_or_start(folders.data_dir, base=folders.base) as address:
        app, superuser = address.app_dsn(), address.superuser_dsn()
        assert await settings_refusal(app) is None
        for setting in checks.DURABLE:
            await execute(superuser, f"alter system set {setting} = off", "select pg_reload_conf()")
            said = await eventually_refused(app, setting)
            assert said.startswith(f"{setting} is off") and f"ALTER SYSTEM RESET {setting}" in said
            await execute(superuser, f"alter system reset {setting}", "select pg_reload_conf()")
            while await settings_refusal(app) is not None:
                await asyncio.sleep(0.02)
        # A setting of the role reaches its sessions only.
        await execute(superuser, "alter role openvest_app set synchronous_commit = off")
        assert "synchronous_commit is off" in (await settings_refusal(app) or "")
        assert await settings_refusal(superuser) is None
        for weaker in ("local", "remote_write"):
            await execute(superuser, f"alter role openvest_app set synchronous_commit = {weaker}")
            assert await settings_refusal(app) is None


async def test_a_server_that_is_too_old_is_refused(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    async with attach_or_start(folders.data_dir, base=folders.base) as address:
        monkeypatch.setattr(checks, "OLDEST_MAJOR", 99)
        said = await settings_refusal(address.app_dsn())
    assert said is not None and "DATABASE_URL" in said and "version 99 or newer" in said


async def test_only_a_role_without_power_serves(folders: Folders) -> None:
    async with AsyncExitStack() as stack:
        address: DatabaseAddress = await stack.enter_async_context(
            attach_or_start(folders.data_dir, base=folders.base),
        )
        app, superuser = address.app_dsn(), address.superuser_dsn("openvest")
        assert await role_refusal(app) is None
        assert "openvest_owner is the owner" in (await role_refusal(address.owner_dsn()) or "")
        assert "postgres is a superuser" in (await role_refusal(superuser) or "")
        steps = (
            ("alter role openvest_app bypassrls", "is a role with BYPASSRLS", "alter role openvest_app nobypassrls"),
            ("alter role openvest_app superuser", "is a superuser", "alter role openvest_app nosuperuser"),
            (
                "grant openvest_owner to openvest_app",
                "may become openvest_owner, which is the owner",
                "revoke openvest_owner from openvest_app",
            ),
            ("grant postgres to openvest_app", "may become postgres", "revoke postgres from openvest_app"),
            (
                "create table mine (n int); alter table mine owner to openvest_app",
                "openvest_app is the owner",
                "drop table mine",
            ),
        )
        for make, expected, undo in steps:
            await execute(superuser, make)
            said = await role_refusal(app)
            assert said is not None and expected in said and "DATABASE_ADMIN_URL" in said, make
            await execute(superuser, undo)
            assert await role_refusal(app) is None, undo


async def test_large_objects_are_refused_and_closed_where_the_database_is_ours(folders: Folders) -> None:
    async with attach_or_start(folders.data_dir, base=folders.base) as address:
        urls, environment = embedded_urls(folders.data_dir), Environment(folders.data_dir)
        async with opened(urls, environment):
            pass
        await execute(address.superuser_dsn("openvest"), "grant execute on function lo_create(oid) to public")
        with pytest.raises(LargeObjectsOpen, match="REVOKE EXECUTE ON FUNCTION lo_create"):
            await check(urls)
        said: list[str] = []
        async with opened(urls, environment, progress=said.append):
            await check(urls)
        assert said == ["closing large objects to the role that serves…"]
