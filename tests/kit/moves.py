"""Two installations on the session's server, and a tenant of the first with a row of every kind that must travel."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from openvest import catalog
from openvest.core.banking import Party
from openvest.core.sealing import SealedColumn, Secrets
from openvest.db.connections import open_pool
from openvest.db.tenant_tables import LEASES, TenantTable, set_tenant, tenant_tables
from openvest.db.unit import Unit
from openvest.events.sequencer import number_events
from openvest.features.bank import service as bank
from openvest.features.mandates import service as mandates
from openvest.features.mandates.rules import SANDBOX_CREDITOR
from openvest.features.onboarding import service_identifiers as identifiers
from openvest.features.onboarding.model import NewIdentifier
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import ListedTenant
from openvest.features.users import service as users
from openvest.features.users.model import NewUser
from openvest.features.webhooks import service as webhooks
from openvest.features.webhooks.model import NewWebhook
from openvest.main import assemble
from openvest.main.environment import Environment
from openvest.main.installation import Installation, Urls
from openvest.server.app import App, make_app
from tests.features.direct_debits.sample import collect
from tests.features.mandates.sample import make_mandate
from tests.features.reference_accounts.sample import make_reference_account
from tests.kit.banks import entry
from tests.kit.cluster import APP, OWNER, Cluster
from tests.kit.customers import ADDRESS, Customer, make_customer, top_up
from tests.kit.http import WIRE, Api, make_api
from tests.kit.orders import Trader
from tests.kit.world import SECRETS, SEED

OTHER_SECRETS = Secrets(bytes(range(32, 64)))
KEY = Secrets(bytes(range(64, 96)))
NUMBER = "65170839J008"
"""A social security number: in no file of a tenant may it stand."""
SECRET_NAME = "Canary Counterparty"
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CHANGED = {("tenants", "closed_at"), ("tenants", "name"), ("instrument_cursors", "last_sequence")}
"""Columns that are another installation's to say."""


@asynccontextmanager
async def installation(
    cluster: Cluster, folder: Path, *, secrets: Secrets = SECRETS, seed: str = SEED
) -> AsyncGenerator[Installation]:
    """An installation on a database of its own."""
    name = await cluster.create()
    pool = await open_pool(cluster.dsn(name), size=6, application="test")
    try:
        urls = Urls(cluster.dsn(name), cluster.dsn(name, OWNER), APP, embedded=False)
        assembled = assemble(pool, seed=seed, secrets=secrets)
        yield Installation(Environment(folder), urls, assembled, secrets, "sandbox", seed)
    finally:
        pool.terminate()
        await cluster.drop(name)


def app_of(where: Installation) -> App:
    """The server of an installation, with its own key."""
    database = where.assembled.database
    return make_app(database=database, contracts=catalog.CONTRACTS, wire=WIRE, secrets=where.secrets)


@dataclass
class Life:
    """A tenant that has lived, its first customer, a client of it, and a keyed request that was answered."""

    tenant: ListedTenant
    trader: Trader
    api: Api
    key: UUID
    order: dict[str, Any]

    @property
    def tenant_id(self) -> UUID:
        return self.tenant.tenant_id


async def listed(where: Installation, name: str) -> ListedTenant:
    return next(one for one in await tenants.all_tenants(where.assembled.database) if one.name == name)


async def closed(where: Installation, name: str) -> bool:
    """Whether the tenant takes no writes here, as the worker's list says."""
    tenant = await listed(where, name)
    clocks = await tenants.all_clocks(where.assembled.database)
    return next(clock.closed for clock in clocks if clock.tenant_id == tenant.tenant_id)


async def make_life(where: Installation, name: str = "acme", frozen_at: datetime | None = None) -> Life:
    """People, money, orders that were settled and one that waits, a subscription, a stored answer, sealed values."""
    database = where.assembled.database
    tenant_id = await tenants.create_tenant(database, name, mode="sandbox", pace="instant", frozen_at=frozen_at)
    customer = await make_customer(database, tenant_id)
    trader = Trader(where.assembled, customer)
    await _rest(where, tenant_id)
    await top_up(database, customer, "1000.00")
    await database.write(tenant_id, lambda unit: _seal_everywhere(unit, customer))
    api = await make_api(app_of(where), database, tenant_id)
    await database.write(tenant_id, _subscribe, n=0)
    key = uuid4()
    order = _order(customer)
    answer = await api.post("/orders", order, key)
    assert answer.status_code == 202, answer.text
    await _rest(where, tenant_id)
    limited = {name: value for name, value in order.items() if name != "cash_amount"}
    waiting = await api.post("/orders", {**limited, "order_type": "LIMIT", "quantity": "1", "limit_price": "1.00"})
    assert waiting.status_code == 202, waiting.text
    await _rest(where, tenant_id)
    await number_events(database, tenant_id)
    await database.write(tenant_id, lambda unit: users.create_user(unit, _someone()))  # events without a number yet
    await _rest(where, tenant_id)
    return Life(await listed(where, name), trader, api, key, order)


def _order(customer: Customer) -> dict[str, Any]:
    return {
        "user_id": str(customer.user_id),
        "account_id": str(customer.account_id),
        "instrument_id": "IE00B3XXRP09",
        "instrument_id_type": "ISIN",
        "side": "BUY",
        "order_type": "MARKET",
        "cash_amount": "100.00",
    }


def _someone(number: str | None = None) -> NewUser:
    fields = {
        "first_name": "Emil",
        "last_name": "Beispiel\tmit\\Tab",
        "birth_date": datetime(1980, 1, 1, tzinfo=UTC).date(),
        "nationalities": ["DE"],
        "address": ADDRESS,
    }
    return NewUser("BYOL", fields, number)


async def _seal_everywhere(unit: Unit, customer: Customer) -> None:
    await users.create_user(unit, _someone(NUMBER))
    await identifiers.add_identifier(unit, customer.user_id, NewIdentifier("PASSPORT", "DE", "C01X00T47", None))
    told = entry(
        unit,
        "nobody's",
        "12.34",
        external_id="line 1",
        account_iban="DE89370400440532013000",
        counterparty=Party(SECRET_NAME, "DE89370400440532013000", "COBADEFFXXX"),
    )
    await bank.receive(unit, [told])
    await make_reference_account(unit, customer.user_id)
    await mandates.name_creditor(unit, SANDBOX_CREDITOR)
    mandate = await make_mandate(unit, customer.user_id)
    await collect(unit, customer.group_id, mandate.id, "1.00")


async def _subscribe(unit: Unit) -> None:
    new = NewWebhook("all", "https://hooks.example.org/here", ["ORDER"], None, 1, 1000)
    webhook = await webhooks.create_webhook(unit, "v1", new)
    await webhooks.update_webhook(unit, "v1", webhook.id, {"enabled": True})


async def _rest(where: Installation, tenant_id: UUID) -> None:
    state = await where.assembled.clockwork.show(tenant_id)
    if state.mode == "frozen":
        await where.assembled.runner.drain(tenant_id)
    else:
        await where.assembled.runner.run_until_quiet(tenant_id)


@asynccontextmanager
async def as_owner_of(where: Installation, tenant_id: UUID) -> AsyncGenerator[asyncpg.Connection]:
    """The owner's connection in a transaction that sees the tenant's rows."""
    connection = await asyncpg.connect(where.urls.owner or "")
    try:
        async with connection.transaction():
            await set_tenant(connection, tenant_id)
            yield connection
    finally:
        await connection.close()


async def rows_of(
    where: Installation, tenant_id: UUID, sealed: tuple[SealedColumn, ...], *, without: frozenset[str] = frozenset()
) -> dict[str, list[str]]:
    """Every row of the tenant by table, sealed values opened, without what another installation says for itself."""
    found: dict[str, list[str]] = {}
    by_table = {one.table: one for one in sealed}
    async with as_owner_of(where, tenant_id) as connection:
        for table in await tenant_tables(connection):
            if table.name not in without:
                found[table.name] = await _rows(connection, table, tenant_id, by_table.get(table.name), where.secrets)
    return found


async def _rows(
    connection: asyncpg.Connection, table: TenantTable, tenant_id: UUID, sealed: SealedColumn | None, secrets: Secrets
) -> list[str]:
    rows: list[str] = []
    asked = f'select to_jsonb(t)::text as said from "{table.name}" t where tenant_id = $1'
    for record in await connection.fetch(asked, tenant_id):
        row = json.loads(record["said"])
        if sealed is not None and row[sealed.column] is not None:
            value = row[sealed.column]
            value = base64.b64decode(value) if sealed.is_text else bytes.fromhex(value.removeprefix("\\x"))
            row[sealed.column] = secrets.open(value, sealed.place(**row)).hex()
        for column in list(row):
            if column in LEASES or (table.name, column) in CHANGED or column == "tenant_id":
                del row[column]
        rows.append(json.dumps(row, sort_keys=True))
    return sorted(rows)
