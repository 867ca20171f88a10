"""A backup of a database in use comes back whole, into an empty database and with its own key only.

The server is the one the program brings, or that of `OPENVEST_TEST_POSTGRES_BIN`, so `make check` runs this on the
oldest we promise.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openvest.core.sealing import new_master_key
from openvest.db import backup
from openvest.db.address import DatabaseAddress
from openvest.db.attach import attach_or_start
from openvest.db.backup import MANIFEST, BackupRefused, Manifest, read_manifest
from openvest.db.checks import StartRefused
from openvest.db.copy_out import copy_out
from openvest.db.databases import create_database
from openvest.db.grants import differences
from openvest.db.migrate import SchemaRefused, read_migrations
from openvest.events.sequencer import number_events
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup
from openvest.main import backups, installation
from openvest.main.environment import Environment
from openvest.main.first_start import Sandbox, furnish
from openvest.main.installation import KEY_FILE, Installation, Urls
from tests.faults.conftest import Folders, execute, fetch

BINARIES = os.environ.get("OPENVEST_TEST_POSTGRES_BIN")
URL = "http://127.0.0.1:8381"
GAPS = """
with numbered as (
  select s.tenant_id, generate_series(s.first_number, s.first_number + s.events - 1) as number
    from event_sets s where s.first_number is not null)
select count(*) from (select count(*) as n, min(number) as first, max(number) as last
                        from numbered group by tenant_id) t
 where first <> 1 or n <> last
"""


@asynccontextmanager
async def server(folders: Folders) -> AsyncGenerator[DatabaseAddress]:
    binaries = Path(BINARIES) if BINARIES else None
    async with attach_or_start(folders.data_dir, base=folders.base, binaries=binaries) as address:
        yield address


def urls(address: DatabaseAddress, name: str) -> Urls:
    return Urls(address.app_dsn(name), address.owner_dsn(name), address.app_user, embedded=False)


@asynccontextmanager
async def furnished(address: DatabaseAddress, folder: Path) -> AsyncGenerator[tuple[Installation, Sandbox]]:
    where = urls(address, "openvest")
    await installation.migrate(where)
    folder.mkdir(exist_ok=True)
    async with installation.opened(where, Environment(folder)) as opened:
        yield opened, await furnish(opened, URL, "instant")


async def target(address: DatabaseAddress, name: str) -> Urls:
    await create_database(address, name)
    return urls(address, name)


async def restored(where: Urls, environment: Environment, folder: Path) -> backups.Restored:
    manifest = backups.check_backup(folder, environment)
    return await backups.restore(where, environment, folder, manifest, verify=True, progress=lambda _: None)


async def test_a_backup_under_load_comes_back_whole_and_serves(folders: Folders, tmp_path: Path) -> None:
    async with server(folders) as address, furnished(address, tmp_path / "var") as (source, sandbox):
        database, tenant = source.assembled.database, UUID(sandbox.tenant_id)
        assert sandbox.customer is not None
        group, written = UUID(sandbox.customer.account_group_id), list[int]()

        async def load() -> None:
            while True:
                await database.write(
                    tenant, lambda unit: payments.create_topup(unit, NewTopup(group, Decimal("1.00"), "EUR"))
                )
                await source.assembled.runner.run_until_quiet(tenant)
                written.append(1)

        loading = asyncio.create_task(load())
        while len(written) < 5:
            await asyncio.sleep(0.01)
        before = len(written)
        manifest = await backups.back_up(source, tmp_path / "saved", "0", lambda _: None)
        assert len(written) > before, "nobody waits for a backup"
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        files = [tmp_path / "saved", *(tmp_path / "saved").iterdir()]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600, 0o700}
        key = (tmp_path / "var" / KEY_FILE).read_text().strip()
        assert not any(key.encode() in file.read_bytes() for file in files[1:])
        where = await target(address, "again")
        done = await restored(where, source.environment, tmp_path / "saved")
        assert done.clean and [name for name, _ in done.proofs] == ["sandbox"]
        topups = next(table.rows for table in manifest.tables if table.name == "topups")
        assert before < topups <= len(written) + 2
        async with installation.opened(where, source.environment) as again:
            found = await furnish(again, URL, None)
            assert not found.fresh and found.customer == sandbox.customer, "the profile of before is known"
            books = again.assembled
            await books.database.write(
                tenant, lambda unit: payments.create_topup(unit, NewTopup(group, Decimal("7.00"), "EUR"))
            )
            await books.runner.run_until_quiet(tenant)
            await number_events(books.database, tenant)
        assert await fetch(address.superuser_dsn("again"), GAPS) == 0
        assert await fetch(address.superuser_dsn("again"), "select count(*) from topups") == topups + 1
        with pytest.raises(BackupRefused, match="is not empty"):
            await restored(where, source.environment, tmp_path / "saved")


async def _to_a_full_disk(connection: Any, query: str, *, into: object) -> None:
    async def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with asyncio.timeout(30):
        await copy_out(connection, query, into=full)


async def _small(address: DatabaseAddress, tmp_path: Path) -> tuple[Environment, Path, Manifest]:
    """A backup that is whole, after one that was not."""
    async with furnished(address, tmp_path / "var") as (source, _):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="No space"):
            patch.setattr(backup, "copy_out", _to_a_full_disk)
            await backups.back_up(source, tmp_path / "saved", "0", lambda _: None)
        assert not list((tmp_path / "saved").iterdir())
        manifest = await backups.back_up(source, tmp_path / "saved", "0", lambda _: None)
        with pytest.raises(BackupRefused, match="not empty"):
            await backups.back_up(source, tmp_path / "saved", "0", lambda _: None)
        return source.environment, tmp_path / "saved", manifest


def _sealed_again(folder: Path, **changed: object) -> None:
    body = json.loads((folder / MANIFEST).read_text()) | changed
    del body["checksum"]
    (folder / MANIFEST).write_text(json.dumps({**body, "checksum": backup.checksum(body)}))


async def test_what_is_not_the_whole_backup_or_has_another_key_is_refused(folders: Folders, tmp_path: Path) -> None:
    async with server(folders) as address:
        environment, folder, manifest = await _small(address, tmp_path)
        where = await target(address, "again")
        with pytest.raises(StartRefused, match="there is none in"):
            backups.check_backup(folder, Environment(tmp_path / "nowhere"))
        with pytest.raises(StartRefused, match="not the one this backup is sealed with"):
            backups.check_backup(folder, Environment(tmp_path / "nowhere", master_key=new_master_key()))
        file = folder / next(table.file for table in manifest.tables if table.name == "entries")
        kept, text = file.read_bytes(), (folder / MANIFEST).read_text()
        for damage, sentence in (
            (lambda: file.write_bytes(kept[:-1]), "is not as it was written"),
            (lambda: file.write_bytes(kept[:-1] + b"x"), "is not as it was written"),
            (file.unlink, "cannot be read"),
            ((folder / MANIFEST).unlink, "holds no finished backup"),
            (lambda: (folder / MANIFEST).write_text(text[:500]), "cannot be read"),
            (lambda: (folder / MANIFEST).write_text(text.replace('"sandbox"', '"production"')), "was changed"),
            (lambda: _sealed_again(folder, format=2), "run a newer OpenVest"),
        ):
            damage()
            with pytest.raises(BackupRefused, match=sentence):
                read_manifest(folder)
            file.write_bytes(kept)
            (folder / MANIFEST).write_text(text)
        newer = [*json.loads(text)["migrations"], [len(read_migrations()) + 1, "later", "x"]]
        _sealed_again(folder, migrations=newer)
        with pytest.raises(SchemaRefused, match="run a newer OpenVest"):
            await restored(where, environment, folder)
        (folder / MANIFEST).write_text(text)
        # A row too few in the database is seen, and nothing of the attempt stays.
        tables = json.loads(text)["tables"]
        at = next(number for number, table in enumerate(tables) if table["name"] == "journals")
        tables[at]["content"] = "0" * 32
        _sealed_again(folder, tables=tables)
        with pytest.raises(BackupRefused):
            await restored(where, environment, folder)
        assert await fetch(address.superuser_dsn("again"), "select to_regclass('tenants')::text") is None
        (folder / MANIFEST).write_text(text)
        assert (await restored(where, environment, folder)).clean


async def test_grants_beside_those_of_the_migrations_are_seen(folders: Folders) -> None:
    async def told(dsn: str, app: str) -> list[str]:
        connection = await asyncpg.connect(dsn)
        try:
            return await differences(connection, app)
        finally:
            await connection.close()

    async with server(folders) as address:
        where = urls(address, "openvest")
        await installation.migrate(where)
        app, superuser = address.app_user, address.superuser_dsn("openvest")
        assert await told(where.app, app) == []
        wide, missing = "granted, and not by a migration: ", "made by a migration, and not there: "
        for make, undo, said in (
            (
                "grant delete on entries to {}",
                "revoke delete on entries from {}",
                f"{wide}grant delete on table entries",
            ),
            ("grant select on users to public", "revoke select on users from public", f"{wide}grant select on table"),
            (
                "revoke insert on orders from {}",
                "grant insert on orders to {}",
                f"{missing}grant insert on table orders",
            ),
            (
                "grant execute on function find_token(bytea) to public",
                "revoke execute on function find_token(bytea) from public",
                f"{wide}grant execute on function find_token(token_hash bytea) to public",
            ),
            (
                "grant create on schema public to public",
                "revoke create on schema public from public",
                f"{wide}grant cr",
            ),
            (
                "alter default privileges for role openvest_owner grant select on tables to {}",
                "alter default privileges for role openvest_owner revoke select on tables from {}",
                f"{wide}alter default privileges",
            ),
            (
                "alter table orders no force row level security",
                "alter table orders force row level security",
                f"{missing}alter table orders force row level security",
            ),
            (
                "grant select on orders to {} with grant option",
                "revoke grant option for select on orders from {}",
                f"{wide}grant select with grant option on table orders",
            ),
        ):
            await execute(superuser, make.format(app))
            found = await told(where.app, app)
            assert any(line.startswith(said) for line in found), (make, found)
            await execute(superuser, undo.format(app))
            assert await told(where.app, app) == [], undo
