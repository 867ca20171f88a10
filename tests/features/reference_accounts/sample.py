"""What tests know of reference accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.reference_accounts import service as reference_accounts
from openvest.features.reference_accounts.model import NewReferenceAccount, ReferenceAccount
from tests.kit.customers import make_customer, make_users
from tests.kit.people import CONFIRMED_AT
from tests.kit.sample import Ask, Asked, Life, Sample

IBAN, BIC = "DE02100100109307118603", "PBNKDEFF"
ACCOUNT = {
    "user_id": "{user_id}",
    "account_owner": "Greta Anna Lindner",
    "iban": IBAN,
    "bic": BIC,
    "confirmed_at": CONFIRMED_AT,
}
LITE_ACCOUNT = {"iban": IBAN, "bic": BIC, "account_holder": "Greta Anna Lindner"}


async def make_reference_account(unit: Unit, user_id: UUID, at: datetime | None = None) -> ReferenceAccount:
    """A bank account of a user."""
    new = NewReferenceAccount(user_id, None, "Greta Anna Lindner", "salary", IBAN, BIC, at or unit.now)
    return await reference_accounts.create_reference_account(unit, new)


async def _an_account(life: Life) -> Mapping[str, str]:
    user_id = UUID(life.ids["user_id"])
    account = await life.write(lambda unit: make_reference_account(unit, user_id))
    return {"reference_account_id": str(account.id)}


async def _many(life: Life, count: int) -> None:
    user_id = UUID(life.ids["user_id"])

    async def account(unit: Unit, _: int) -> None:
        await make_reference_account(unit, user_id)

    await life.write_many(account, count)


async def _of_one_user_each(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    people = await make_users(database, tenant_id, count, active=False)
    return [ask({"user_id": str(user_id)}) for user_id in people]


async def _of_one_account(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    return [ask(customer.ids).also(account_holder=f"Holder {n}") for n in range(count)]


async def _to_delete(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    owner = await make_customer(database, tenant_id)

    async def work(unit: Unit) -> list[UUID]:
        return [(await make_reference_account(unit, owner.user_id)).id for _ in range(count)]

    made = await database.write(tenant_id, work)
    return [ask({**owner.ids, "reference_account_id": str(one)}) for one in made]


SAMPLE = Sample(
    bodies={
        "POST /payments/reference_accounts": ACCOUNT,
        "lite POST /accounts/{account_id}/reference_accounts": LITE_ACCOUNT,
    },
    makers={
        "POST /payments/reference_accounts": _of_one_user_each,
        "lite POST /accounts/{account_id}/reference_accounts": _of_one_account,
        "lite DELETE /accounts/{account_id}/reference_accounts/{reference_account_id}": _to_delete,
    },
    objects=_an_account,
    many=_many,
    texts=frozenset("account_holder account_owner bic iban name".split()),
    whose={"business_id": "user_id"},
    variants={"POST /payments/reference_accounts body business_id": {"user_id": None}},
    whole={"lite GET /accounts/{account_id}/reference_accounts data": "what one owner has; it has no pages"},
    others=(IBAN,),
    refused_changes=(
        "reference_accounts user_id = null",
        "reference_accounts business_id = user_id",
        "reference_accounts name = ''",
    ),
)
