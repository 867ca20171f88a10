"""What tests know of accounts and their groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.accounts import service as accounts
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup
from tests.kit.customers import make_customer, make_user, make_users
from tests.kit.people import USER
from tests.kit.sample import Ask, Asked, Life, Sample

if TYPE_CHECKING:
    from tests.gates.pauses import Field

_NO_KEY = "the contract lists no key, and a second request meets what the first one left"
_OF_ONE = "what one object has, and the contract gives it no pages"


async def _a_group_and_an_account(life: Life) -> Mapping[str, str]:
    """And a group that was before them, which has money and closes."""
    user_id = UUID(life.ids["user_id"])

    async def work(unit: Unit) -> Mapping[str, str]:
        first = await accounts.create_account_group(unit, user_id, "PERSONAL")
        await payments.create_topup(unit, NewTopup(first.id, Decimal("1000000.00"), "EUR"))
        await accounts.close_account_group(unit, first.id)
        group = await accounts.create_account_group(unit, user_id, "PERSONAL")
        account = await accounts.create_account(unit, user_id, group.id, "TRADING")
        return {
            "closing_group_id": str(first.id),
            "account_group_id": str(group.id),
            "account_id": str(account.id),
        }

    return await life.write(work)


async def _names(life: Life) -> Mapping[str, str]:
    group = await life.get(f"/account_groups/{life.ids['account_group_id']}")
    return {"securities_account_number": group["securities_account_number"]}


async def _begun_and_ended(life: Life) -> None:
    """A group of a new user; another's account that is closed, then the group."""
    user = await life.post("/users", USER)
    await life.post("/account_groups", {"user_id": user["id"], "type": "PERSONAL"})
    another = await life.post("/users", USER)
    await life.of("lite").post("/account_groups", {"user_id": another["id"]})
    customer = await make_customer(life.world.database, life.tenant_id)
    for at in (f"/accounts/{customer.account_id}", f"/account_groups/{customer.group_id}"):
        await life.send("DELETE", at)
        await life.rest()


async def _many(life: Life, count: int) -> None:
    user_id, group_id = UUID(life.ids["user_id"]), UUID(life.ids["account_group_id"])

    async def group(unit: Unit, _: int) -> None:
        await accounts.create_account_group(unit, await make_user(unit, active=False), "PERSONAL")

    async def account(unit: Unit, _: int) -> None:
        await accounts.create_account(unit, user_id, group_id, "TRADING")

    await life.write_many(group, count)
    await life.write_many(account, count)


async def _groups(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({"user_id": str(user_id)}) for user_id in await make_users(database, tenant_id, count)]


async def _accounts(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    return [ask(customer.ids).also(name=f"number {n}") for n in range(count)]


async def _open_ones(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask((await make_customer(database, tenant_id)).ids) for _ in range(count)]


async def _to_become_portfolios(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [one.also(type="PORTFOLIO") for one in await _open_ones(database, tenant_id, ask, count)]


async def _an_end(field: Field, number: int) -> None:
    person = await field.active_one(f"Gone{number}")
    await field.steps.send("DELETE", f"/accounts/{person.account_id}")
    await field.steps.send("DELETE", f"/account_groups/{person.group_id}")


SAMPLE = Sample(
    bodies={
        "POST /account_groups": {"user_id": "{user_id}", "type": "PERSONAL"},
        "POST /accounts": {"user_id": "{user_id}", "account_group_id": "{account_group_id}", "type": "TRADING"},
        "PATCH /accounts/{account_id}": {"name": "mine now"},
        "lite POST /account_groups": {"user_id": "{user_id}"},
        "lite POST /accounts": {"user_id": "{user_id}", "account_group_id": "{account_group_id}"},
        "lite PATCH /accounts/{account_id}": {"type": "TRADING"},
    },
    makers={
        "POST /account_groups": _groups,
        "POST /accounts": _accounts,
        "lite POST /accounts": _open_ones,
        "lite PATCH /accounts/{account_id}": _to_become_portfolios,
        "lite DELETE /account_groups/{account_group_id}": _open_ones,
        "lite DELETE /accounts/{account_id}": _open_ones,
    },
    objects=_a_group_and_an_account,
    lived=_begun_and_ended,
    many=_many,
    names=_names,
    references={"securities_account_number": "securities_account_number"},
    texts=frozenset({"name"}),
    unkeyed={
        "POST /tests/accounts/{account_id}/lock": _NO_KEY,
        "POST /tests/accounts/{account_id}/unlock": _NO_KEY,
    },
    whole={
        "GET /account_groups/{account_group_id} users": _OF_ONE,
        "GET /accounts/{account_id} users": _OF_ONE,
    },
    occasions={"accounts.close": _an_end, "accounts.close_groups": _an_end},
)
