"""Bugs planted against the gates of `tests.gates.matrices`."""

from __future__ import annotations

from tests.controls import declared, lite
from tests.controls.planting import Edit, Planted
from tests.controls.throwaway import throwaway

_UNSCOPED = """

async def greet(unit: Unit, call: Call) -> Json:
    return {}


class Greeting(View):
    pass


ENDPOINTS = [Endpoint("GET", "/greetings", "greet", "Say hello", "Users", (), Greeting, greet)]
"""
_UNFILTERED = """
STATUS = Query(str, "select status from users where id = $1")


class StatusView(View):
    status: str


async def status(unit: Unit, call: Call) -> Json:
    found = await unit.row(STATUS, call.path["user_id"])
    if found is None:
        raise NotFound("There is no user of this id.")
    return {"status": found}


ENDPOINTS = [
    Endpoint(
        "GET", "/users/{user_id}/status", "status", "Get a user's status", "Users", ("users:read",), StatusView,
        status, errors=(404,),
    )
]
"""
_NO_BODY = """

class Poke(Body):
    user_id: Id


async def poke(unit: Unit, call: Call) -> None:
    return None


ENDPOINTS = [
    Endpoint("POST", "/pokes", "poke", "Poke a user", "Users", ("users:admin",), None, poke, body=Poke, status=202)
]
"""

_TENANTS = (
    Planted("R35", "endpoint-without-filter", "a new endpoint reads a row by its id alone", throwaway(_UNFILTERED)),
    Planted("R35", "endpoint-nobody-looks-at", "a new endpoint takes an id, no body is known", throwaway(_NO_BODY)),
    Planted(
        "R35",
        "table-without-policy",
        "a table's policy lets every tenant in",
        (
            Edit(
                "migrations/0029_close_tenants.sql",
                "alter table tenants add column closed_at timestamptz;",
                "alter table tenants add column closed_at timestamptz;\n"
                "alter policy tenant on topups using (true) with check (true);",
            ),
        ),
    ),
    Planted(
        "R35",
        "count-of-all",
        "the count of a list forgets its tenant",
        (
            Edit(
                "src/openvest/db/paging.py",
                'where {self.where(names)}"\n        if chain is None',
                'where {self.where(names)}".replace("= $1", "<> $1", 1)'
                ".replace('tenant_id <>', 'tenant_id is not null or tenant_id <>')\n        if chain is None",
            ),
        ),
    ),
    Planted(
        "R35",
        "talkative-refusal",
        "a refusal says that the top-up is another tenant's",
        (
            Edit(
                "src/openvest/features/payments/service.py",
                "    return await unit.known(rules.UnknownTopup(), store.TOPUP_BY_ID, unit.tenant_id, topup_id)\n",
                "    found = await unit.row(store.TOPUP_BY_ID, unit.tenant_id, topup_id)\n"
                "    if found is None and await unit.connection.fetchval(\n"
                '        "select exists (select from topups where id = $1)", topup_id\n'
                "    ):\n"
                '        raise rules.NotFound("This top-up is another tenant\'s.")\n'
                "    if found is None:\n"
                "        raise rules.UnknownTopup\n"
                "    return found\n",
            ),
        ),
    ),
)
_ANSWERS = (
    Planted("R34", "endpoint-without-scope", "a new endpoint declares no scope", throwaway(_UNSCOPED)),
    Planted(
        "R34",
        "reads-without-scope",
        "reading needs a token of any scope",
        (
            Edit(
                "src/openvest/server/dispatch.py",
                "    if endpoint.scopes and caller.scopes.isdisjoint(endpoint.scopes):",
                "    if endpoint.is_write and endpoint.scopes and caller.scopes.isdisjoint(endpoint.scopes):",
            ),
        ),
    ),
    Planted(
        "errors",
        "plain-refusal",
        "refusals are plain JSON",
        (Edit("src/openvest/server/messages.py", 'PROBLEM = b"application/problem+json"', "PROBLEM = JSON"),),
    ),
    Planted(
        "errors",
        "no-body-but-json",
        "an answer without a body is refused to whoever takes no JSON",
        (
            Edit(
                "src/openvest/server/negotiation.py",
                "if accept is not None and endpoint.has_body and",
                "if accept is not None and endpoint.status != 204 and",
            ),
        ),
    ),
    Planted(
        "errors",
        "unexpected-twice",
        "what was removed before is a fault of the server",
        (
            Edit(
                "src/openvest/simulation/scenarios.py",
                'raise NotFound("There is no scenario of this id, or it was removed before.")',
                'raise LookupError("There is no scenario of this id, or it was removed before.")',
            ),
        ),
    ),
    Planted(
        "errors",
        "field-errors-without-end",
        "a refusal names every field error, however many there are",
        (Edit("src/openvest/server/parsing.py", "errors=errors[:MAX_MISFITS])", "errors=errors)"),),
    ),
    Planted(
        "errors",
        "broken-bodies-unanswered",
        "a body that breaks off is left without an answer",
        (
            Edit(
                "src/openvest/server/dispatch.py",
                "                answer = await self._answer(request, receive)\n            finally:",
                "                answer = await self._answer(request, receive)\n"
                "                if b'before it was complete' in (answer.body or b''):\n"
                "                    return\n"
                "            finally:",
            ),
        ),
    ),
)

_FIELDS = (
    Planted(
        "R36",
        "account-numbers-in-full",
        "the account number of somebody who is paid is shown whole",
        (
            Edit(
                "src/openvest/core/bank_accounts.py",
                """    return f"{iban[:6]}{'*' * 10}{iban[-4:]}"\n""",
                "    return iban\n",
            ),
        ),
    ),
    Planted(
        "R36",
        "unknown-fields-pass",
        "what a body may not have is passed over in silence",
        (
            Edit(
                "src/openvest/core/schema.py",
                'extra="forbid", frozen=True, strict=True, str_strip',
                'extra="ignore", frozen=True, strict=True, str_strip',
            ),
        ),
    ),
    Planted(
        "R36",
        "answer-of-columns",
        "an order is shown with a column that no schema has",
        (
            Edit(
                "src/openvest/features/orders/v1.py",
                '    return order_v1(snapshot_of(await service.get_order(unit, call.path["order_id"])))\n',
                '    order = await service.get_order(unit, call.path["order_id"])\n'
                '    return order_v1(snapshot_of(order)) | {"through": order.status}\n',
            ),
        ),
    ),
    Planted(
        "R36",
        "token-in-log",
        "the log line of a request has its headers",
        (
            Edit(
                "src/openvest/server/logs.py",
                '                facts["client_id"] = request.client\n',
                '                facts["client_id"] = request.client\n'
                '                facts["headers"] = {n.decode(): v.decode() for n, v in request.headers}\n',
            ),
        ),
    ),
    Planted(
        "R36",
        "id-from-the-body",
        "a subscription is shown with the id that the body says",
        (
            Edit(
                "src/openvest/features/webhooks/v1.py",
                "    return webhook_v1(snapshot_of(changed))\n",
                "    seen = webhook_v1(snapshot_of(changed))\n"
                '    return {**seen, "id": str(call.body.id or seen["id"])}\n',
            ),
        ),
    ),
)
_SMALL = {"rows": 1_050}
_PAGES = (
    Planted(
        "R41",
        "index-dropped",
        "users have no index in the order they are listed in",
        (
            Edit(
                "migrations/0005_create_users.sql",
                "create index users_created on users (tenant_id, created_at, id);\n",
                "",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R41",
        "sort-without-index",
        "one of the orders that users are offered in has no index",
        (
            Edit(
                "migrations/0005_create_users.sql",
                "create index users_updated on users (tenant_id, updated_at, id);\n",
                "",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R41",
        "query-per-row",
        "the sealed numbers of a page of users are read one by one",
        (
            Edit(
                "src/openvest/features/users/v1.py",
                '    for item, user in zip(answer["data"], found.rows, strict=True):\n',
                '    for item, user in zip(answer["data"], found.rows, strict=True):\n'
                "        item |= await service.social_security_numbers(unit, [user.id])\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R41",
        "ties-one-way",
        "rows of one instant come in the same order both ways",
        (
            Edit(
                "src/openvest/db/paging.py",
                "{column} {direction}, {self.tie} {direction}",
                "{column} {direction}, {self.tie} asc",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R41",
        "no-limit",
        "a page may be as long as one likes",
        (Edit("src/openvest/core/v1.py", "        le=_PAGE.most,\n", ""),),
        _SMALL,
    ),
    Planted(
        "R41",
        "no-page-of-nothing",
        "a page of no rows, which shows the counts alone, is refused",
        (Edit("src/openvest/core/v1.py", "ge=_PAGE.least,", "ge=1,"),),
        _SMALL,
    ),
    Planted(
        "R41",
        "no-far-offset",
        "an offset of ten digits is refused",
        (Edit("src/openvest/core/paging.py", "_MOST_DIGITS = 20\n", "_MOST_DIGITS = 9\n"),),
        _SMALL,
    ),
)

PLANTED: tuple[Planted, ...] = (*declared.PLANTED, *lite.PLANTED, *_ANSWERS, *_TENANTS, *_FIELDS, *_PAGES)
