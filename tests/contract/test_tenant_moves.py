"""A tenant moves between two installations whole, goes on where it came to and nowhere else; or nothing happened."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncGenerator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.problems import Problem
from openvest.core.sealing import Secrets
from openvest.db import tenant_file
from openvest.db.closing import TenantClosed
from openvest.db.tenant_file import MANIFEST, Exported, MoveRefused
from openvest.db.tenant_tables import LEFT_BEHIND, NOT_COPIED
from openvest.db.unit import Unit
from openvest.events.log import events_after
from openvest.events.sequencer import number_events
from openvest.features.instruments.service import import_instruments
from openvest.features.orders import service as orders
from openvest.features.tenants import service as tenants
from openvest.ledger.audit import prove_tenant
from openvest.main.installation import Installation
from openvest.main.tenant_master import MasterDiffers, NewsUntold
from openvest.main.tenant_moves import ALL_SEALED, Imported, export_tenant, import_tenant, reopen
from tests.kit.cluster import Cluster
from tests.kit.customers import make_user, top_up
from tests.kit.http import Api, http_of
from tests.kit.moves import (
    KEY,
    MONDAY,
    NUMBER,
    OTHER_SECRETS,
    SECRET_NAME,
    Life,
    app_of,
    as_owner_of,
    closed,
    installation,
    make_life,
    rows_of,
)
from tests.kit.orders import Trader, X

pytestmark = pytest.mark.anyio
LEFT = frozenset(LEFT_BEHIND)


def quiet(_: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
async def source(cluster: Cluster, tmp_path: Path) -> AsyncGenerator[Installation]:
    async with installation(cluster, tmp_path) as one:
        yield one


@pytest.fixture
async def target(cluster: Cluster, tmp_path: Path) -> AsyncGenerator[Installation]:
    """With another master key and another seed."""
    async with installation(cluster, tmp_path, secrets=OTHER_SECRETS, seed="other") as one:
        yield one


async def export(source: Installation, life: Life, file: Path, *, keep_open: bool = False) -> Exported:
    done, size = await export_tenant(source, life.tenant, file, KEY, "0", keep_open=keep_open, progress=quiet)
    assert size == file.stat().st_size and file.stat().st_mode & 0o777 == 0o600
    return done


async def bring_in(target: Installation, file: Path, name: str | None = None, key: Secrets = KEY) -> Imported:
    return await import_tenant(target, file, key, name, quiet)


async def numbers(where: Installation, life: Life) -> list[int]:
    """The positions of all events, after numbering."""
    database = where.assembled.database
    await number_events(database, life.tenant_id)
    return [e.sequence for e in await database.read(life.tenant_id, lambda unit: events_after(unit, 0, 10_000))]


def there(target: Installation, life: Life) -> Api:
    """The tenant's client, at the server it has moved to."""
    return replace(life.api, http=http_of(app_of(target)), token=None)


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_moved_tenant_is_whole_and_goes_on_there_alone(
    source: Installation, target: Installation, tmp_path: Path, frozen: bool
) -> None:
    # Another tenant's ids are in the way of what comes.
    await make_life(target, "resident")
    life = await make_life(source, frozen_at=MONDAY if frozen else None)
    before = await rows_of(source, life.tenant_id, ALL_SEALED, without=LEFT)
    assert not [table for table, rows in before.items() if not rows and table not in EMPTY]
    exported = await export(source, life, tmp_path / "acme.zip")
    done = await bring_in(target, tmp_path / "acme.zip")
    assert done.proof.clean and done.tenant_id == life.tenant_id and not done.same_key
    after = await rows_of(target, life.tenant_id, ALL_SEALED, without=LEFT)
    for table, rows in before.items():
        if table != "idempotency":
            assert after[table] == rows, table
    assert len(after["idempotency"]) == len(before["idempotency"])
    assert exported.rows == sum(map(len, before.values())) + sum(m.rows for m in exported.members if m.shared)
    assert (await prove_tenant(source.assembled.database, life.tenant_id, catalog.INVARIANTS)).clean
    with pytest.raises(TenantClosed):
        await top_up(source.assembled.database, life.trader.customer, "1.00")
    await _goes_on(target, life, frozen)


async def test_books_that_do_not_hold_are_only_read(source: Installation, target: Installation, tmp_path: Path) -> None:
    life, file = await make_life(source), tmp_path / "acme.zip"
    async with as_owner_of(source, life.tenant_id) as connection:
        await connection.execute("update balances set available = available + 1 where asset = 'EUR' and available > 0")
    await export(source, life, file)
    done = await bring_in(target, file)
    assert "balances_are_entries" in {finding.name for finding in done.proof.findings}
    with pytest.raises(TenantClosed, match="are not proven"):
        await top_up(target.assembled.database, life.trader.customer, "1.00")
    await reopen(target, life.tenant)
    await top_up(target.assembled.database, life.trader.customer, "1.00")


async def _goes_on(target: Installation, life: Life, frozen: bool) -> None:
    trader = Trader(target.assembled, life.trader.customer)
    positions = await numbers(target, life)
    assert positions == list(range(1, len(positions) + 1))
    if frozen:
        await trader.rest()
        placed = await trader.place(cash_amount="50.00")
    else:
        (answer,) = await _place_live(trader)
        placed = await trader.read(answer)
    assert placed.status == "FILLED"
    again = await numbers(target, life)
    assert again == list(range(1, len(again) + 1)) and len(again) > len(positions)
    assert (await prove_tenant(target.assembled.database, life.tenant_id, catalog.INVARIANTS)).clean


async def _place_live(trader: Trader) -> list[UUID]:
    wants = [trader.wanted(cash_amount="50.00")]
    tenant_id = trader.customer.tenant_id
    answers = await trader.world.database.write(tenant_id, lambda unit: orders.place_orders(unit, wants), n=1)
    await trader.world.runner.run_until_quiet(tenant_id)
    return [answer.id for answer in answers if not isinstance(answer, Problem)]


EMPTY = {"dead_letters", "data_changes", "webhook_packages", "scenarios", "scenario_uses", "user_checks", "lot_uses",
         "fraction_reserves", "locks", "block_trades", "withdrawals", "cash_balance_transfers",
         "virtual_cash_decreases", "virtual_cash_increases", "virtual_bank_accounts", "credit_fundings",
         "bank_accounts", "bank_codes", "segregations", "portfolio_allocations", "portfolio_configurations",
         "portfolio_targets", "portfolio_orders", "portfolio_order_children", "blocks", "block_members",
         "block_cut_offs", "valuations", "account_returns"}  # fmt: skip
"""Tables of which this life has no rows; that they travel is shown by those that have."""


async def test_a_closed_tenant_is_read_and_says_why_it_takes_no_writes(source: Installation, tmp_path: Path) -> None:
    life = await make_life(source)
    await export(source, life, tmp_path / "acme.zip")
    life.api.token = None
    assert (await life.api.get("/users")).status_code == 200, "a new token too"
    refused = await life.api.post("/orders", life.order)
    assert refused.status_code == 403
    problem = refused.json()
    assert problem["type"].endswith("/tenant_closed") and problem["title"] == "Tenant closed"
    assert "The tenant acme is closed since" in problem["detail"] and "where it was imported" in problem["detail"]
    assert (await life.api.send("DELETE", f"/webhooks/{life.key}")).status_code == 403, "whatever it would find"
    with pytest.raises(TenantClosed):
        await number_events(source.assembled.database, life.tenant_id)
    assert await closed(source, "acme")
    await reopen(source, life.tenant)
    assert (await life.api.post("/orders", life.order)).status_code == 202


async def test_an_answer_that_was_lost_before_the_move_is_given_after_it(
    source: Installation, target: Installation, cluster: Cluster, tmp_path: Path
) -> None:
    life = await make_life(source)
    answered = await life.api.post("/orders", life.order, life.key)
    await export(source, life, tmp_path / "acme.zip")
    await bring_in(target, tmp_path / "acme.zip")
    assert (await there(target, life).ask_token("orders:admin")).status_code == 401, "the pepper is another one"
    client_id = life.api.client.client_id
    rotated = await target.assembled.database.write(
        life.tenant_id, lambda unit: tenants.rotate_secret(unit, client_id), n=0
    )
    moved = replace(there(target, life), client=rotated)
    again = await moved.post("/orders", life.order, life.key)
    assert (again.status_code, again.content) == (answered.status_code, answered.content)
    other = await moved.post("/webhooks", {}, life.key)
    assert other.status_code in (400, 422)
    async with installation(cluster, tmp_path) as twin:
        done = await bring_in(twin, tmp_path / "acme.zip")
        assert done.same_key
        same = there(twin, life)
        assert (await same.post("/orders", life.order, life.key)).content == answered.content
        differs = await same.post("/orders", {**life.order, "cash_amount": "7.00"}, life.key)
        assert differs.status_code == 422


async def test_a_copy_is_another_tenant_beside_the_first(source: Installation, tmp_path: Path) -> None:
    life = await make_life(source, frozen_at=MONDAY)
    exported = await export(source, life, tmp_path / "copy.zip", keep_open=True)
    assert not exported.moved and not {m.name for m in exported.members} & {*LEFT_BEHIND, *NOT_COPIED}
    with pytest.raises(MoveRefused, match="There is a tenant acme here already"):
        await bring_in(source, tmp_path / "copy.zip")
    done = await bring_in(source, tmp_path / "copy.zip", "pauls")
    assert done.proof.clean and done.tenant_id != life.tenant_id
    without = LEFT | frozenset(NOT_COPIED) | {"webhooks", "clocks"}
    assert await rows_of(source, done.tenant_id, ALL_SEALED, without=without) == await rows_of(
        source, life.tenant_id, ALL_SEALED, without=without
    )
    async with as_owner_of(source, done.tenant_id) as connection:
        asked = "select bool_or(enabled) from webhooks where tenant_id = $1"
        assert await connection.fetchval(asked, done.tenant_id) is False
        assert await connection.fetchval("select count(*) from api_clients where tenant_id = $1", done.tenant_id) == 0
    assert (await life.api.post("/orders", life.order)).status_code == 202, "the first goes on"
    customer = replace(life.trader.customer, tenant_id=done.tenant_id)
    copied = Trader(source.assembled, customer)
    await copied.rest()
    assert (await copied.place(cash_amount="50.00")).status == "FILLED"
    for tenant_id in (life.tenant_id, done.tenant_id):
        await source.assembled.runner.drain(tenant_id)
        assert (await prove_tenant(source.assembled.database, tenant_id, catalog.INVARIANTS)).clean


async def test_nothing_sealed_stands_open_in_the_file(source: Installation, tmp_path: Path) -> None:
    life = await make_life(source)
    await export(source, life, tmp_path / "acme.zip")
    with zipfile.ZipFile(tmp_path / "acme.zip") as file:
        said = b"".join(file.read(name) for name in file.namelist())
    assert b"Beispiel" in said
    for secret in (NUMBER, SECRET_NAME, "12345678911", "C01X00T47", "PRIVATE KEY", life.api.client.client_secret):
        assert secret.encode() not in said and secret.encode().hex().encode() not in said
    for secrets in (KEY, source.secrets):
        assert secrets.master.hex().encode() not in said


def _rewritten(file: Path, into: Path, change: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(into, "w") as new:
        for name in old.namelist():
            new.writestr(name, change.get(name, old.read(name)))
    return into


async def test_a_file_that_is_not_as_it_was_written_leaves_nothing_behind(
    source: Installation, target: Installation, tmp_path: Path
) -> None:
    life, file = await make_life(source), tmp_path / "acme.zip"
    await export(source, life, file)
    whole = file.read_bytes()
    (tmp_path / "short.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "none.zip").write_bytes(b"no file of ours")
    at = whole.index(b"tenant/orders.copy") + 100
    (tmp_path / "bit.zip").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with zipfile.ZipFile(file) as opened:
        orders, manifest = opened.read("tenant/orders.copy"), json.loads(opened.read(MANIFEST))
    changed = orders.replace(b"100.00", b"900.00")
    assert changed != orders
    _rewritten(file, tmp_path / "row.zip", {"tenant/orders.copy": changed})
    _rewritten(file, tmp_path / "less.zip", {"tenant/orders.copy": b""})
    renamed = {**manifest, "name": "other"}
    _rewritten(file, tmp_path / "manifest.zip", {MANIFEST: json.dumps(renamed).encode()})
    newer = {**manifest, "format": 99}
    _rewritten(file, tmp_path / "newer.zip", {MANIFEST: json.dumps(newer).encode()})
    for name, sentence in {
        "short": "is no whole file of a tenant",
        "none": "is no whole file of a tenant",
        "bit": "is not as it was written",
        "row": r"is not as it was written: tenant/orders\.copy",
        "less": r"is not as it was written: tenant/orders\.copy",
        "manifest": "its manifest was changed",
        "newer": "has format 99",
    }.items():
        with pytest.raises(MoveRefused, match=sentence):
            await bring_in(target, tmp_path / f"{name}.zip")
    with pytest.raises(MoveRefused, match="The key is not the one that the file of acme is sealed with"):
        await bring_in(target, file, key=OTHER_SECRETS)
    rows = await rows_of(target, life.tenant_id, ALL_SEALED)
    assert not any(rows.values())
    assert (await bring_in(target, file)).proof.clean
    with pytest.raises(MoveRefused, match="There is a tenant acme here already"):
        await bring_in(target, file)
    with pytest.raises(MoveRefused, match="This tenant is here already, as acme"):
        await bring_in(target, file, "again")


async def test_schemas_and_modes_must_be_the_same(source: Installation, target: Installation, tmp_path: Path) -> None:
    life, file = await make_life(source), tmp_path / "acme.zip"
    with pytest.raises(MoveRefused, match="A production tenant is in one place only"):
        await export(replace(source, mode="production"), life, file, keep_open=True)
    await export(source, life, file)
    with pytest.raises(MoveRefused, match="holds a sandbox tenant, and this installation is in mode production"):
        await bring_in(replace(target, mode="production"), file)
    with zipfile.ZipFile(file) as opened:
        body = json.loads(opened.read(MANIFEST))
    older = {**body, "migrations": body["migrations"][:-1]}
    older.pop("seal")
    older["seal"] = tenant_file._sealed(older, KEY)  # pyright: ignore[reportPrivateUsage] - what an older program wrote
    _rewritten(file, tmp_path / "older.zip", {MANIFEST: json.dumps(older).encode()})
    with pytest.raises(MoveRefused, match="run the same version of OpenVest on both sides"):
        await bring_in(target, tmp_path / "older.zip")


async def test_an_export_that_fails_leaves_the_tenant_open_and_no_file(
    source: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await make_life(source)

    async def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    # In the middle of what the database sends.
    monkeypatch.setattr("openvest.db.tenant_file._Writing.__call__", broken)
    async with asyncio.timeout(30):
        with pytest.raises(OSError, match="No space"):
            await export(source, life, tmp_path / "acme.zip")
    assert not await closed(source, "acme") and not list(tmp_path.iterdir())
    assert (await life.api.post("/orders", life.order)).status_code == 202


async def test_what_is_being_written_when_the_tenant_closes_is_in_the_file(
    source: Installation, target: Installation, tmp_path: Path
) -> None:
    life = await make_life(source)
    database, customer = source.assembled.database, life.trader.customer
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(unit: Unit) -> None:
        begun.set()
        await go_on.wait()
        await make_user(unit)

    writing = asyncio.create_task(database.write(life.tenant_id, slow))
    await begun.wait()
    exporting = asyncio.create_task(export(source, life, tmp_path / "acme.zip"))
    while not await closed(source, "acme"):
        await asyncio.sleep(0.01)
    with pytest.raises(TenantClosed):
        await top_up(database, customer, "1.00")
    await asyncio.sleep(0.1)
    assert not exporting.done()
    go_on.set()
    await writing
    exported = await exporting
    assert next(m.rows for m in exported.members if m.name == "users") == 4
    assert (await bring_in(target, tmp_path / "acme.zip")).proof.clean


def _renamed(name: str) -> list[str]:
    """The line of the traded instrument in the shipped master, with another name."""
    text = (files("openvest.features.instruments") / "data" / "instruments.csv").read_text(encoding="utf-8")
    head, *lines = text.splitlines()
    line = next(line for line in lines if line.startswith(X))
    return [head, line.replace(line.split(",")[2], name)]


async def test_instruments_come_along_or_must_say_the_same(
    source: Installation, target: Installation, tmp_path: Path
) -> None:
    life, file = await make_life(source), tmp_path / "acme.zip"
    async with as_owner_of(source, life.tenant_id) as connection:
        await import_instruments(connection, _renamed("Another name"))
    with pytest.raises(NewsUntold, match="was not told yet of 1 changes"):
        await export(source, life, file)
    assert not await closed(source, "acme")
    await source.assembled.runner.run_until_quiet(life.tenant_id)
    await export(source, life, file)
    with pytest.raises(MasterDiffers, match=r"IE00B3XXRP09 \(name: .* here, Another name in the file\)"):
        await bring_in(target, file)
    async with as_owner_of(target, life.tenant_id) as connection:
        assert await connection.fetchval("select count(*) from tenants") == 0
        of_it = "(select id from instruments where isin = $1)"
        await connection.execute(f"delete from instrument_venues where instrument_id in {of_it}", X)
        await connection.execute("delete from instruments where isin = $1", X)
    done = await bring_in(target, file)
    assert done.proof.clean
    async with as_owner_of(target, life.tenant_id) as connection:
        added = await connection.fetchrow("select name, version from instruments where isin = $1", X)
        assert added is not None and tuple(added) == ("Another name", 2)
        cursor = "select last_sequence from instrument_cursors where tenant_id = $1"
        newest = await connection.fetchval("select max(sequence) from instrument_changes")
        assert newest and await connection.fetchval(cursor, life.tenant_id) == newest
