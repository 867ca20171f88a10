"""A request that works for every operation of v1, and as many different ones as wanted for those that take a key.

An operation that is declared later and known to neither table fails whoever goes through the operations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from openvest.catalog import V1_ENDPOINTS
from openvest.core.declarations import Endpoint
from openvest.db.unit import Database, Unit
from tests.kit.customers import make_customer, make_user
from tests.kit.orders import X
from tests.kit.people import USER
from tests.security.test_tenants_apart import BODIES

KEYED: Sequence[Endpoint] = tuple(endpoint for endpoint in V1_ENDPOINTS if endpoint.key_required)
_AT_ONCE = 100
"""People made in one unit of work."""

TRANSFER: Mapping[str, Any] = {
    "account": {"iban": "NL70ABNA0106295004"},
    "amount": "25.00",
    "currency": "EUR",
    "client_reference": "wire",
    "counterparty_name": "A client firm",
    "counterparty_account": {"iban": "DE95500105173934555844"},
    "remittance_information": "for nobody we know",
}
_MORE: Mapping[str, Mapping[str, Any]] = {
    "POST /users": USER,
    "POST /tests/payments/transactions": TRANSFER,
    "POST /webhooks": {"title": "mine", "url": "https://example.com/hook"},
    "POST /tests/scenarios": {"name": "data_change_fails", "on": {"user_id": "{user_id}"}},
    "POST /tests/clock/advance": {"to": "2020-01-01T00:00:00Z"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request before it is signed."""

    method: str
    target: str
    body: Any = None

    @property
    def content(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body).encode()


def label(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def asked_of(endpoint: Endpoint, ids: Mapping[str, str]) -> Asked:
    """The request of a JSON operation about these objects; ids of nobody stand for those not given."""
    constants = {"instrument_id": f"isin:{X}", "currency": "EUR", "venue_id": str(UUID(int=0))}

    def value(hit: re.Match[str]) -> str:
        return {**constants, **ids}.get(hit[1]) or str(uuid4())

    body = None
    if endpoint.body is not None:
        known = BODIES.get(label(endpoint)) or _MORE.get(label(endpoint))
        assert known is not None, f"no body is known for {label(endpoint)}: give one in tests/kit/operations.py"
        body = json.loads(re.sub(r"(?<=\")\{(\w+)\}(?=\")", value, json.dumps(known)))
    return Asked(endpoint.method, re.sub(r"\{(\w+)\}", value, endpoint.path), body)


async def different_ones(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    """So many requests of an operation that takes a key, each of which has an effect of its own."""
    make = _MAKERS.get(label(endpoint))
    assert make is not None, f"no requests are known for {label(endpoint)}: say how to make them in this file"
    return await make(database, tenant_id, endpoint, count)


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
    people = await _people(database, tenant_id, count, active=False)
    return [asked_of(endpoint, {"user_id": str(user_id)}) for user_id in people]


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


_Make = Callable[[Database, UUID, Endpoint, int], Awaitable[Sequence[Asked]]]
_MAKERS: Mapping[str, _Make] = {
    "POST /users": _users,
    "POST /users/{user_id}/tax_residencies": _residencies,
    "POST /account_groups": _groups,
    "POST /accounts": _accounts,
    "POST /payments/topups": _topups,
    "POST /tests/payments/transactions": _of_customer,
    "POST /orders": _of_customer,
}
