"""What a sandbox finds on its first start: a tenant, a client of each contract in a profile, a customer with money.

Everything is made by the services that also serve requests, so the books hold from the first cent on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from openvest.core.clock import instant
from openvest.core.failpoints import failpoint
from openvest.core.paging import PageRequest
from openvest.core.signing_keys import generate_p521
from openvest.db.address import Progress, silent
from openvest.db.files import write_private
from openvest.db.locks import FURNISHING, one_at_a_time
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.onboarding import service as checks
from openvest.features.onboarding import service_identifiers as identifiers
from openvest.features.onboarding.model import Residency
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import NewClient
from openvest.features.users import service as users
from openvest.features.users.model import NewUser
from openvest.main.installation import Installation
from openvest.main.profile import (
    BEARER,
    PROFILE,
    SIGNED,
    Customer,
    Profile,
    Unusable,
    find_profile,
    set_aside,
    write_profile,
)

Pace = Literal["instant", "calendar"]

KEYS = "keys"
TENANT = "sandbox"
_FIRST = 20
MONEY, CURRENCY = Decimal("10000.00"), "EUR"

ADDRESS: dict[str, Any] = {
    "address_line1": "Lindenstrasse 12",
    "postcode": "10969",
    "city": "Berlin",
    "country": "DE",
}
_AFTER_TENANT = failpoint("start.after_tenant")
_BEFORE_TOPUP = failpoint("start.before_topup")
_ACTIVE_LOOKS = 100
"""How often it is looked whether the first customer is ACTIVE, ten times a second."""
_AFTER_CUSTOMER = failpoint("start.after_customer")
_AFTER_KEY_FILE = failpoint("start.after_key_file")
_BEFORE_PROFILE = failpoint("start.before_profile")
TAX_NUMBER = "86095742719"
"""Of the right form and check digit; nobody's."""
DOCUMENT = UUID("5f0c7bd3-6a52-4d4e-9f0b-2f0f2e3b7a10")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What the profile holds: `client_id` signs, `bearer_id` does not. `fresh` when the first was just made."""

    profile: Path
    tenant_id: str
    client_id: str
    bearer_id: str
    customer: Customer | None
    fresh: bool


async def furnish(installation: Installation, url: str, pace: Pace | None, say: Progress = silent) -> Sandbox:
    """Make what the first start makes, or find it; the profile always names the present URL.

    One process of a database does so at a time, and the next one finds what it left. A profile that is of no use is
    set aside for a new one. Raises: OtherTenant for another pace. Writes: the profile, its key.
    """
    file = installation.environment.data_dir / PROFILE
    async with one_at_a_time(installation.urls.app, FURNISHING):
        found = await _known(installation, file, say)
        profile = found or await _make(installation, url, pace)
        if found is not None and pace is not None:
            await tenants.create_tenant(installation.assembled.database, TENANT, mode="sandbox", pace=pace)
        if profile.customer is None:
            profile = replace(profile, customer=await _customer_of(installation, profile.tenant_id))
        bearer = profile.bearer or await _make_bearer(installation, profile.tenant_id)
        profile = replace(profile, bearer=bearer).at(url)
        if profile != found:
            _BEFORE_PROFILE()
            write_profile(file, profile)
        values = profile.values
        clients = values["client_id"], bearer["client_id"]
        return Sandbox(file, values["tenant_id"], *clients, profile.customer, fresh=found is None)


async def _known(installation: Installation, file: Path, say: Progress) -> Profile | None:
    try:
        return await find_profile(file, installation.assembled.database)
    except Unusable as reason:
        say(f"{file} is of no use here: {reason}; it is {set_aside(file)} now, and a new client is made.")
        return None


async def _make(installation: Installation, url: str, pace: Pace | None) -> Profile:
    """A profile with a client of its own, for the customer of an earlier one where there was one."""
    database = installation.assembled.database
    if pace is None and await tenants.find_tenant(database, TENANT) is None:
        pace = "calendar"
    tenant_id = await tenants.create_tenant(database, TENANT, mode="sandbox", pace=pace)
    _AFTER_TENANT()
    customer = await _customer_of(installation, tenant_id) or await _make_customer(installation, tenant_id)
    _AFTER_CUSTOMER()
    client, key_id, file_of_key, scopes = await make_client_with_key(
        installation, tenant_id, lambda unit: tenants.create_client(unit, contract=SIGNED, scopes="all")
    )
    values = {
        "url": url,
        "tenant": TENANT,
        "tenant_id": str(tenant_id),
        "client_id": str(client.client_id),
        "client_secret": client.client_secret,
        "key_id": str(key_id),
        "private_key_file": str(file_of_key.relative_to(installation.environment.data_dir.resolve())),
        "scopes": " ".join(scopes),
    }
    return Profile(values, None, customer)


async def _make_bearer(installation: Installation, tenant_id: UUID) -> dict[str, str]:
    """A client without a key, as the profile says it."""
    client, scopes = await make_client_without_key(
        installation, tenant_id, lambda unit: tenants.create_client(unit, contract=BEARER, scopes="all")
    )
    return {
        "client_id": str(client.client_id),
        "client_secret": client.client_secret,
        "scopes": " ".join(scopes),
    }


async def _customer_of(installation: Installation, tenant_id: UUID) -> Customer | None:
    """Who was ready to order before, among the first there were.

    Why one who was given money: a first start that crashed may have left a customer without any.
    """

    async def look(unit: Unit) -> Customer | None:
        for account in await accounts.first_trading_accounts(unit, _FIRST):
            if (await payments.list_topups(unit, PageRequest(limit=1), account.account_group_id)).total:
                return Customer(str(account.user_id), str(account.account_group_id), str(account.id))
        return None

    return await installation.assembled.database.read(tenant_id, look)


Create = Callable[[Unit], Awaitable[NewClient]]


async def make_client_without_key(
    installation: Installation, tenant_id: UUID, create: Create
) -> tuple[NewClient, list[str]]:
    """A client that only bears its token, and its scopes. Raises: what `create` raises. Writes: api_clients."""

    async def work(unit: Unit) -> tuple[NewClient, list[str]]:
        client = await create(unit)
        return client, await _scopes_of(unit, client)

    return await installation.assembled.database.write(tenant_id, work, n=0)


async def _scopes_of(unit: Unit, client: NewClient) -> list[str]:
    return next(one.scopes for one in await tenants.list_clients(unit) if one.id == client.client_id)


async def make_client_with_key(
    installation: Installation, tenant_id: UUID, create: Create
) -> tuple[NewClient, UUID, Path, list[str]]:
    """A client with a fresh P-521 key, whose private half goes to a file of the data directory, and its scopes.

    Raises: what `create` raises. Writes: api_clients, client_keys, the key file.
    """
    private, public = generate_p521()

    async def work(unit: Unit) -> tuple[NewClient, UUID, list[str]]:
        client = await create(unit)
        granted = await _scopes_of(unit, client)
        # Before the commit: a client whose key was lost could never sign.
        key_file(installation, client.client_id, private)
        _AFTER_KEY_FILE()
        return client, await tenants.add_key(unit, client.client_id, public), granted

    client, key_id, granted = await installation.assembled.database.write(tenant_id, work, n=0)
    return client, key_id, key_file(installation, client.client_id, None), granted


def key_file(installation: Installation, client_id: UUID, private: bytes | None) -> Path:
    """Where the private key of a client is kept; written there where one is given."""
    folder = installation.environment.data_dir.resolve() / KEYS
    file = folder / f"{client_id}.pem"
    if private is not None:
        if folder.exists() and not folder.is_dir():
            set_aside(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(file, private.decode())
    return file


async def _make_customer(installation: Installation, tenant_id: UUID) -> Customer:
    """A user who passed every check, with a TRADING account and money.

    Why the worker's own sweeps: identity answers as it does for every user after this one.
    """
    database, runner = installation.assembled.database, installation.assembled.runner

    async def work(unit: Unit) -> Customer:
        at = instant(unit.now)
        consent = {"consent_document_id": str(DOCUMENT), "confirmed_at": at}
        fields: dict[str, Any] = {
            "first_name": "Clara",
            "last_name": "Sandkamp",
            "email": "clara.sandkamp@example.org",
            "salutation": "SALUTATION_FEMALE",
            "birth_date": date(1988, 8, 21),
            "birth_city": "Berlin",
            "birth_country": "DE",
            "nationalities": ["DE"],
            "address": ADDRESS,
            "terms_and_conditions": consent,
            "data_privacy_and_sharing_agreement": consent,
        }
        tenant = await tenants.get_tenant(unit)
        if tenant.licence == "TOL":
            fields |= {"phone_number": "4930123456", "fatca": {"status": False, "confirmed_at": at}}
        user = await users.create_user(unit, NewUser(tenant.licence, fields))
        evidence = {
            "data_download_link": "https://documents.example.org/kyc.zip",
            "document_type": "PASSPORT",
            "document_expiration_date": (unit.now + timedelta(days=3650)).date().isoformat(),
            "nationality": "DE",
            "provider": "Example identity provider",
            "method": "VIDEO_ID",
            "confirmed_address": ADDRESS,
        }
        await checks.create_check(unit, user.id, "KYC", unit.now, evidence)
        suitable = {"instrument_suitability": {"suitability": True}}
        await checks.create_check(unit, user.id, "INSTRUMENT_FIT", unit.now, suitable)
        await identifiers.set_tax_residencies(unit, user.id, (Residency("DE", TAX_NUMBER, None),))
        group = await accounts.create_account_group(unit, user.id, "PERSONAL")
        account = await accounts.create_account(unit, user.id, group.id, "TRADING")
        return Customer(str(user.id), str(group.id), str(account.id))

    customer = await database.write(tenant_id, work)
    await runner.run_until_quiet(tenant_id)
    await _give_money(installation, tenant_id, customer)
    return customer


async def _give_money(installation: Installation, tenant_id: UUID, customer: Customer) -> None:
    """Top the customer up as soon as she is ACTIVE. Raises: LookupError where she does not become so.

    A worker of another process may hold one of her checks: then there is nothing to do here, and still to wait.
    """
    database, runner = installation.assembled.database, installation.assembled.runner

    async def status(unit: Unit) -> str:
        return (await accounts.get_account(unit, UUID(customer.account_id))).status

    async def top_up(unit: Unit) -> None:
        await payments.create_topup(unit, NewTopup(UUID(customer.account_group_id), MONEY, CURRENCY))

    for _ in range(_ACTIVE_LOOKS):
        if await database.read(tenant_id, status) == "ACTIVE":
            break
        await asyncio.sleep(0.1)
        await runner.run_until_quiet(tenant_id)
    else:
        raise LookupError("the first customer did not become ACTIVE")
    _BEFORE_TOPUP()
    await database.write(tenant_id, top_up)
