"""Requests for every operation there is: bodies that fit, a tenant that has one object of each kind, and asking.

Braces in a body stand for the id of an object by the name of its path parameter. What two contracts have at one
address takes the same body, unless the second says its own under its label. An operation that is declared later
and has no body here, or no maker though it takes a key, fails whoever goes through the operations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import httpx

from openvest.core.contracts import Contract
from openvest.db.unit import Database, Unit
from openvest.declarations import Endpoint
from openvest.main import Assembled
from tests.kit.contracts import FIRST, SERVED, contract_of, label, said_of, takes_key
from tests.kit.customers import Customer, make_customer, make_user, top_up
from tests.kit.http import Api
from tests.kit.orders import X
from tests.kit.people import FIT, USER

KEYED: Sequence[Endpoint] = tuple(endpoint for endpoint in SERVED if takes_key(endpoint))
_AT_ONCE = 100
"""People made in one unit of work."""

CONSTANT: Mapping[str, str] = {"instrument_id": f"isin:{X}", "currency": "EUR", "venue_id": str(UUID(int=0))}
"""Path parameters that name nothing of a tenant."""

BODIES: Mapping[str, dict[str, Any]] = {
    "POST /auth/token": {},
    "POST /users": USER,
    "POST /users/{user_id}/data_change_requests": {"title": "DR"},
    "POST /users/{user_id}/checks": FIT,
    "POST /users/{user_id}/identifiers": {"type": "NATIONAL_ID", "issuing_country": "DE", "identifier": ""},
    "PATCH /users/{user_id}/identifiers/{identifier_id}": {"identifier": "x"},
    "POST /users/{user_id}/tax_residencies": {
        "tax_residencies": [{"country": "DE", "tax_identifier_number": "12345678911"}]
    },
    "PATCH /accounts/{account_id}": {"name": "mine now"},
    "POST /webhooks": {"title": "another", "url": "https://example.com/another"},
    "PATCH /webhooks/{webhook_id}": {"enabled": False},
    "POST /account_groups": {"user_id": "{user_id}", "type": "PERSONAL"},
    "POST /accounts": {"user_id": "{user_id}", "account_group_id": "{account_group_id}", "type": "TRADING"},
    "POST /payments/topups": {
        "account_group_id": "{account_group_id}",
        "cash_amount": "1.00",
        "currency": "EUR",
    },
    "POST /tests/payments/transactions": {
        "account": {"iban": "NL70ABNA0106295004"},
        "amount": "1.00",
        "currency": "EUR",
        "client_reference": "wire",
        "counterparty_name": "A client firm",
        "counterparty_account": {"iban": "DE95500105173934555844"},
    },
    "POST /tests/clock/advance": {"by": "PT0S"},
    "POST /tests/scenarios": {"name": "order_rejected", "on": {"client_reference": "a reference of nobody"}},
    "POST /orders": {
        "user_id": "{user_id}",
        "account_id": "{account_id}",
        "instrument_id": X,
        "instrument_id_type": "ISIN",
        "order_type": "MARKET",
        "side": "BUY",
        "currency": "EUR",
        "cash_amount": "10.00",
    },
}
"""Bodies by operation. That of a token is made by the client that asks for one."""


def body_of(endpoint: Endpoint) -> dict[str, Any] | None:
    """A body that fits, if one is known."""
    return said_of(BODIES, endpoint)


def path_names(endpoint: Endpoint) -> list[str]:
    return re.findall(r"\{(\w+)\}", endpoint.path)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request before it is signed."""

    method: str
    target: str
    body: Any = None
    contract: Contract = FIRST

    @property
    def content(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body).encode()


class _Anybody(dict[str, str]):
    """Ids by name; one of nobody stands for each that is not given."""

    def __missing__(self, name: str) -> str:
        return str(uuid4())


def filled(body: Any, ids: Mapping[str, str]) -> Any:
    return json.loads(re.sub(r'"\{(\w+)\}"', lambda hit: f'"{ids[hit[1]]}"', json.dumps(body)))


def target(endpoint: Endpoint, ids: Mapping[str, str]) -> str:
    def value(hit: re.Match[str]) -> str:
        name = hit[1]
        return CONSTANT[name] if name in CONSTANT and name not in ids else ids[name]

    return re.sub(r"\{(\w+)\}", value, endpoint.path)


def asked_of(endpoint: Endpoint, ids: Mapping[str, str]) -> Asked:
    """The request of a JSON operation about these objects; ids of nobody stand for those not given."""
    known, contract = _Anybody(ids), contract_of(endpoint)
    if endpoint.body is None:
        return Asked(endpoint.method, target(endpoint, known), contract=contract)
    body = body_of(endpoint)
    assert body is not None, f"no body is known for {label(endpoint)}: give one in this file"
    return Asked(endpoint.method, target(endpoint, known), filled(body, known), contract)


def _of_tenants(endpoint: Endpoint) -> bool:
    body = json.dumps(body_of(endpoint))
    return bool(set(path_names(endpoint)) - set(CONSTANT)) or re.search(r'"\{\w+\}"', body) is not None


OPERATIONS = [endpoint for endpoint in SERVED if _of_tenants(endpoint)]
"""Those that name an object of a tenant in their path or, as their body stands above, in it."""


async def ask(api: Api, endpoint: Endpoint, ids: Mapping[str, str]) -> httpx.Response:
    """Ask as the tenant's client that the operation is for."""
    body = body_of(endpoint)
    content = None if body is None else json.dumps(filled(body, ids)).encode()
    return await api.of(endpoint).send(endpoint.method, target(endpoint, ids), content, key=uuid4())


async def live_by_http(world: Assembled, owner: Api, tenant_id: UUID) -> dict[str, str]:
    """A customer with one object of each kind; every operation that reads is asked once. Returns the ids."""
    customer = await make_customer(world.database, tenant_id)
    await top_up(world.database, customer, "100.00")
    topup = await top_up(world.database, customer, "20.00")  # is not spent, so it can be cancelled
    ids = await _objects(owner, customer)
    await world.runner.drain(tenant_id)
    ids["topup_id"] = str(topup.id)
    order = (await owner.get(f"/orders/{ids['order_id']}")).json()
    assert order["executions"], order
    ids["execution_id"] = order["executions"][0]["id"]
    for endpoint in SERVED:
        if endpoint.method == "GET":
            await ask(owner, endpoint, ids)
    return ids


async def _objects(owner: Api, customer: Customer) -> dict[str, str]:
    ids = {
        "user_id": str(customer.user_id),
        "account_group_id": str(customer.group_id),
        "account_id": str(customer.account_id),
    }

    async def post(path: str, body: dict[str, Any]) -> str:
        answer = await owner.post(path, body)
        assert answer.status_code < 300, answer.text
        return str(answer.json()["id"])

    ids["order_id"] = await post("/orders", filled(BODIES["POST /orders"], ids))
    ids["webhook_id"] = await post("/webhooks", {"title": "mine", "url": "https://example.com/hook"})
    ids["scenario_id"] = await post(
        "/tests/scenarios", {"name": "data_change_fails", "on": {"user_id": ids["user_id"]}}
    )
    user = f"/users/{customer.user_id}"
    ids["check_id"] = await post(f"{user}/checks", BODIES["POST /users/{user_id}/checks"])
    ids["identifier_id"] = await post(f"{user}/identifiers", BODIES["POST /users/{user_id}/identifiers"])
    return ids


async def different_ones(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    """So many requests of an operation that takes a key, each of which has an effect of its own."""
    make = said_of(_MAKERS, endpoint)
    assert make is not None, f"no requests are known for {label(endpoint)}: say how to make them in this file"
    made = await make(database, tenant_id, endpoint, count)
    return [replace(one, contract=contract_of(endpoint)) for one in made]


async def _people(database: Database, tenant_id: UUID, count: int, *, active: bool) -> list[UUID]:
    async def work(unit: Unit, number: int) -> list[UUID]:
        return [await make_user(unit, active=active) for _ in range(number)]

    made: list[UUID] = []
    while len(made) < count:
        number = min(count - len(made), _AT_ONCE)
        made += await database.write(tenant_id, lambda unit, n=number: work(unit, n))
    return made


async def _users(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    base = asked_of(endpoint, {})
    return [Asked("POST", base.target, base.body | {"birth_city": f"Place {n}"}) for n in range(count)]


async def _residencies(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    """The answer has no id, and instants that two may share: each number is another, so that it tells whose it is.

    The country is one whose numbers have no published form.
    """
    people = await _people(database, tenant_id, count, active=False)
    base = {"country": "LI"}
    return [
        Asked("POST", asked.target, {"tax_residencies": [base | {"tax_identifier_number": f"number {n}"}]})
        for n, asked in enumerate(asked_of(endpoint, {"user_id": str(user_id)}) for user_id in people)
    ]


async def _groups(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    people = await _people(database, tenant_id, count, active=True)
    return [asked_of(endpoint, {"user_id": str(user_id)}) for user_id in people]


async def _of_customer(
    database: Database, tenant_id: UUID, endpoint: Endpoint, count: int, field: str = "client_reference"
) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    ids = {
        "user_id": str(customer.user_id),
        "account_group_id": str(customer.group_id),
        "account_id": str(customer.account_id),
    }
    base = asked_of(endpoint, ids)
    return [Asked(base.method, base.target, base.body | {field: f"number {n}"}) for n in range(count)]


async def _accounts(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    return await _of_customer(database, tenant_id, endpoint, count, "name")


async def _topups(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    asked = await _of_customer(database, tenant_id, endpoint, count, "cash_amount")
    return [Asked(a.method, a.target, a.body | {"cash_amount": f"{n + 1}.00"}) for n, a in enumerate(asked)]


async def _topups_to_cancel(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    made = [await top_up(database, customer, "1.00") for _ in range(count)]
    return [asked_of(endpoint, {"topup_id": str(topup.id)}) for topup in made]


_Make = Callable[[Database, UUID, Endpoint, int], Awaitable[Sequence[Asked]]]
_MAKERS: Mapping[str, _Make] = {
    "POST /users": _users,
    "POST /users/{user_id}/tax_residencies": _residencies,
    "POST /account_groups": _groups,
    "POST /accounts": _accounts,
    "POST /payments/topups": _topups,
    "DELETE /payments/topups/{topup_id}": _topups_to_cancel,
    "POST /tests/payments/transactions": _of_customer,
    "POST /orders": _of_customer,
}
