"""What tests know of mandates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.mandates import rules
from openvest.features.mandates import service as mandates
from openvest.features.mandates.model import Mandate, NewMandate
from tests.kit.customers import make_customer, make_users
from tests.kit.people import CONFIRMED_AT
from tests.kit.sample import Ask, Asked, Life, Sample

IBAN, BIC = "DE02120300000000202051", "BYLADEM1001"
MANDATE = {"user_id": "{user_id}", "iban": IBAN, "bic": BIC, "confirmed_at": CONFIRMED_AT}
LITE_MANDATE = {"account_group_id": "{account_group_id}", "iban": IBAN, "bic": BIC}


async def make_mandate(unit: Unit, user_id: UUID, at: datetime | None = None) -> Mandate:
    """The consent of a user."""
    return await mandates.create_mandate(unit, NewMandate(user_id, None, None, IBAN, BIC, at or unit.now))


async def _a_mandate(life: Life) -> Mapping[str, str]:
    user_id = UUID(life.ids["user_id"])
    await life.write(lambda unit: mandates.name_creditor(unit, rules.SANDBOX_CREDITOR))
    mandate = await life.write(lambda unit: make_mandate(unit, user_id))
    return {"mandate_id": str(mandate.id)}


async def _many(life: Life, count: int) -> None:
    user_id = UUID(life.ids["user_id"])

    async def mandate(unit: Unit, _: int) -> None:
        await make_mandate(unit, user_id)

    await life.write_many(mandate, count)


async def _of_one_user_each(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({"user_id": str(user_id)}) for user_id in await make_users(database, tenant_id, count)]


async def _of_one_group_each(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask((await make_customer(database, tenant_id)).ids) for _ in range(count)]


async def _to_revoke(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    users = await make_users(database, tenant_id, count)
    made = [await database.write(tenant_id, lambda unit, one=one: make_mandate(unit, one)) for one in users]
    return [ask({"mandate_id": str(mandate.id)}) for mandate in made]


SAMPLE = Sample(
    bodies={"POST /payments/mandates": MANDATE, "lite POST /mandates": LITE_MANDATE},
    makers={
        "POST /payments/mandates": _of_one_user_each,
        "lite POST /mandates": _of_one_group_each,
        "lite DELETE /mandates/{mandate_id}": _to_revoke,
    },
    objects=_a_mandate,
    many=_many,
    texts=frozenset({"bic", "iban"}),
    whose={"business_id": "user_id"},
    variants={"POST /payments/mandates body business_id": {"user_id": None}},
    others=(IBAN,),
    refused_changes=(
        "mandates user_id = null",
        "mandates business_id = user_id",
        "creditors creditor_name = ''",
    ),
)
