"""First starts: two at once furnish a database once, and no profile, whatever became of it, keeps one from starting."""

from __future__ import annotations

import asyncio
import re
import shutil
import stat
import tomllib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from openvest.db.address import DatabaseAddress
from openvest.db.attach import attach_or_start
from openvest.db.databases import create_database
from openvest.features.tenants import service as tenants
from openvest.main import installation
from openvest.main.environment import Environment
from openvest.main.first_start import Sandbox, furnish
from openvest.main.installation import Installation, Urls
from openvest.main.profile import BEARER, PROFILE, find_profile
from tests.faults.conftest import Folders, fetch

URL = "http://127.0.0.1:8380"


def urls(address: DatabaseAddress, name: str, *, embedded: bool) -> Urls:
    return Urls(address.app_dsn(name), address.owner_dsn(name), address.app_user, embedded)


@asynccontextmanager
async def opened(where: Urls, data_dir: Path) -> AsyncGenerator[Installation]:
    data_dir.mkdir(exist_ok=True)
    async with installation.opened(where, Environment(data_dir)) as found:
        yield found


async def first_start(where: Urls, data_dir: Path) -> Sandbox:
    """As `serve` does it, with a pool of its own."""
    await installation.migrate(where)
    async with opened(where, data_dir) as found:
        return await furnish(found, URL, "instant")


async def how_many(address: DatabaseAddress, name: str) -> dict[str, int]:
    """Rows of the tables a first start fills, as a superuser sees them."""
    tables = ("tenants", "api_clients", "users", "accounts", "topups", "signing_keys")
    dsn = address.superuser_dsn(name)
    return {table: await fetch(dsn, f"select count(*) from {table}") for table in tables}


async def test_two_first_starts_at_once_furnish_a_database_once(folders: Folders, tmp_path: Path) -> None:
    async with attach_or_start(folders.data_dir, base=folders.base) as address:
        for name, embedded in (("openvest", True), ("other", False)):
            if name != "openvest":
                await create_database(address, name)
            where, data_dir = urls(address, name, embedded=embedded), tmp_path / name
            made = await asyncio.gather(*(first_start(where, data_dir) for _ in range(3)))
            assert sorted(one.fresh for one in made) == [False, False, True]
            assert len({(one.tenant_id, one.client_id, one.customer) for one in made}) == 1
            rows = await how_many(address, name)
            assert rows.pop("api_clients") == 2, "one for each contract"
            assert set(rows.values()) == {1}


def _mode(bits: int) -> Callable[[Path], None]:
    return lambda file: file.chmod(bits)


def _key(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        change(file.parent / tomllib.loads(file.read_text())["private_key_file"])

    return damage


def _replaced(name: str, value: str) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{name} ")]
        file.write_text("\n".join([f"{name} = {value}", *lines]))

    return damage


def _a_folder(file: Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


def _no_keys(file: Path) -> None:
    shutil.rmtree(file.parent / "keys")
    (file.parent / "keys").write_text("not a folder")


def _without(text: str, table: str) -> str:
    return re.sub(rf"\[{table}\]\n([^\[\n].*\n)*", "", text)


def _bearer_secret(file: Path) -> str:
    return str(tomllib.loads(file.read_text())[BEARER]["client_secret"])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda file: file.write_text(""),
    "truncated": lambda file: file.write_text(file.read_text()[:150]),
    "binary": lambda file: file.write_bytes(b"\xff\xfe\x00"),
    "a folder": _a_folder,
    "a link to nothing": lambda file: (file.unlink(), file.symlink_to("nowhere")),
    "a number for an id": _replaced("client_id", "7"),
    "another database's client": _replaced("client_id", '"6f1f4b9e-0b0e-4f5e-8f5e-000000000000"'),
    "another secret": _replaced("client_secret", '"guessed"'),
    "a scope it has not": _replaced("scopes", '"users:write"'),
    "no key file": _key(Path.unlink),
    "an empty key file": _key(lambda file: file.write_text("")),
    "keys that are no folder": _no_keys,
}
"""What makes a new client. The old one stays beside it."""
KEPT: dict[str, Callable[[Path], object]] = {
    "readable for others": _mode(0o644),
    "unreadable": _mode(0o000),
    "a key others may read": _key(_mode(0o644)),
    "another url": _replaced("url", '"http://127.0.0.1:1"'),
    "no customer": lambda file: file.write_text(file.read_text().partition("[customer]")[0]),
    "a customer that is none": _replaced("customer", "7"),
    "of an older version, with one client": lambda file: file.write_text(_without(file.read_text(), BEARER)),
    "a bearer that is none": lambda file: file.write_text(f"{BEARER} = 7\n" + _without(file.read_text(), BEARER)),
    "a bearer's other secret": lambda file: file.write_text(file.read_text().replace(_bearer_secret(file), "guessed")),
    "a bearer that signs": lambda file: file.write_text(
        _without(file.read_text(), BEARER) + f"\n[{BEARER}]\n" + file.read_text().partition("\n[")[0]
    ),
}
"""What is mended without one."""


async def test_no_damage_of_a_profile_keeps_a_sandbox_from_starting(folders: Folders, tmp_path: Path) -> None:
    async with attach_or_start(folders.data_dir, base=folders.base) as address:
        where = urls(address, "openvest", embedded=True)
        first = await first_start(where, tmp_path)
        async with opened(where, tmp_path) as found:
            database, client = found.assembled.database, first.client_id
            for name, damage in (DAMAGES | KEPT).items():
                if name == "a customer that is none":
                    KEPT["no customer"](tmp_path / PROFILE)
                damage(tmp_path / PROFILE)
                said: list[str] = []
                again = await furnish(found, URL, None, said.append)
                profile = await find_profile(tmp_path / PROFILE, database)
                assert profile is not None and profile.values["url"] == URL, name
                assert (again.client_id != client) == again.fresh == (name in DAMAGES), name
                assert again.customer == profile.customer == first.customer, (name, "the customer stays")
                assert bool(said) == (name in DAMAGES and name not in ("missing", "a link to nothing")), (name, said)
                assert stat.S_IMODE((tmp_path / PROFILE).stat().st_mode) == 0o600, name
                bearer = profile.bearer
                assert bearer is not None and bearer["client_id"] == again.bearer_id, name
                asked = (UUID(bearer["client_id"]), BEARER, bearer["client_secret"], bearer["scopes"].split())
                assert await tenants.are_credentials(database, profile.tenant_id, *asked), name
                client = again.client_id
            # What the operator did to the client: ended it, exchanged its secret.
            tenant_id = UUID(first.tenant_id)
            for end in (tenants.disable_client, tenants.rotate_secret):
                await database.write(tenant_id, lambda unit, end=end, one=client: end(unit, UUID(one)), n=0)
                again = await furnish(found, URL, None)
                assert again.fresh and again.client_id != client
                client = again.client_id
        assert (await how_many(address, "openvest"))["users"] == 1


async def test_a_tenant_that_is_there_already_is_furnished_at_its_own_pace(folders: Folders, tmp_path: Path) -> None:
    async with attach_or_start(folders.data_dir, base=folders.base) as address:
        where = urls(address, "openvest", embedded=True)
        async with opened(where, tmp_path) as found:
            await tenants.create_tenant(found.assembled.database, "sandbox", mode="sandbox", pace="instant")
            made = await furnish(found, URL, None)
            assert made.fresh and made.customer is not None
