"""A customer with everything needed to trade: ACTIVE user, group and account, made through the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.accounts import service as accounts
from openvest.features.onboarding import service_identifiers as identifiers
from openvest.features.onboarding.model import Residency
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup, Topup
from openvest.features.users import service as users
from openvest.features.users.model import NewUser

_AT_ONCE = 100
ADDRESS = {
    "address_line1": "Unter den Linden 1",
    "address_line2": None,
    "postcode": "10117",
    "city": "Berlin",
    "state": None,
    "country": "DE",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's ids."""

    tenant_id: UUID
    user_id: UUID
    group_id: UUID
    account_id: UUID

    @property
    def ids(self) -> Mapping[str, str]:
        """By the names of path parameters."""
        return {
            "user_id": str(self.user_id),
            "account_group_id": str(self.group_id),
            "account_id": str(self.account_id),
        }


async def make_user(unit: Unit, *, active: bool = True) -> UUID:
    """A German user under the licence that asks least; INACTIVE until the tax residency is declared."""
    fields = {
        "first_name": "Erika",
        "last_name": "Beispiel",
        "birth_date": date(1990, 5, 17),
        "nationalities": ["DE"],
        "address": ADDRESS,
    }
    user = await users.create_user(unit, NewUser("BYOL", fields))
    if active:
        await identifiers.set_tax_residencies(unit, user.id, (Residency("DE", "12345678911", None),))
    return user.id


async def make_users(database: Database, tenant_id: UUID, count: int, *, active: bool = True) -> list[UUID]:
    """So many of them, in units of a bearable size."""

    async def work(unit: Unit, number: int) -> list[UUID]:
        return [await make_user(unit, active=active) for _ in range(number)]

    made: list[UUID] = []
    while len(made) < count:
        number = min(count - len(made), _AT_ONCE)
        made += await database.write(tenant_id, lambda unit, n=number: work(unit, n))
    return made


async def make_customer(database: Database, tenant_id: UUID, *, active: bool = True) -> Customer:
    """A user with a PERSONAL group and a TRADING account; all PENDING_APPROVAL where the user is not active."""

    async def work(unit: Unit) -> Customer:
        user_id = await make_user(unit, active=active)
        group = await accounts.create_account_group(unit, user_id, "PERSONAL")
        account = await accounts.create_account(unit, user_id, group.id, "TRADING")
        return Customer(tenant_id, user_id, group.id, account.id)

    return await database.write(tenant_id, work)


async def make_next_group(database: Database, customer: Customer) -> UUID:
    """Another group of the customer, whose first one closes from now on."""

    async def work(unit: Unit) -> UUID:
        await accounts.close_account_group(unit, customer.group_id)
        return (await accounts.create_account_group(unit, customer.user_id, "PERSONAL")).id

    return await database.write(customer.tenant_id, work)


async def top_up(database: Database, customer: Customer, amount: str, currency: str = "EUR") -> Topup:
    """Money for a customer."""

    async def work(unit: Unit) -> Topup:
        return await payments.create_topup(unit, NewTopup(customer.group_id, Decimal(amount), currency))

    return await database.write(customer.tenant_id, work)
