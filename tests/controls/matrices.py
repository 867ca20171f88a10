"""Bugs planted against the gates of `tests.gates.matrices`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_CATALOG = "src/openvest/catalog.py"
_THROWAWAY = "src/openvest/features/users/v1_throwaway.py"
_HEAD = '''"""An endpoint that somebody adds in a hurry."""

from __future__ import annotations

from openvest.core.declarations import Call, Endpoint
from openvest.core.problems import NotFound
from openvest.core.schema import Answer, Body, Id
from openvest.core.snapshots import Json
from openvest.db.query import Query
from openvest.db.unit import Unit
'''


def _throwaway(text: str) -> tuple[Edit, ...]:
    """An endpoint in a module of its own, and its place in the catalog."""
    return (
        Edit(_THROWAWAY, "", _HEAD + text),
        Edit(
            _CATALOG,
            "from openvest.features.users import v1 as users_v1\n",
            "from openvest.features.users import v1 as users_v1\nfrom openvest.features.users import v1_throwaway\n",
        ),
        Edit(_CATALOG, "    *users_v1.ENDPOINTS,\n", "    *users_v1.ENDPOINTS,\n    *v1_throwaway.ENDPOINTS,\n"),
    )


_UNSCOPED = """

async def greet(unit: Unit, call: Call) -> Json:
    return {}


class Greeting(Answer):
    pass


ENDPOINTS = [Endpoint("GET", "/greetings", "greet", "Say hello", "Users", (), Greeting, greet)]
"""
_UNFILTERED = """
STATUS = Query(str, "select status from users where id = $1")


class StatusShown(Answer):
    status: str


async def status(unit: Unit, call: Call) -> Json:
    found = await unit.row(STATUS, call.path["user_id"])
    if found is None:
        raise NotFound("There is no user of this id.")
    return {"status": found}


ENDPOINTS = [
    Endpoint(
        "GET", "/users/{user_id}/status", "status", "Get a user's status", "Users", ("users:read",), StatusShown,
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
    Planted("R35", "endpoint-without-filter", "a new endpoint reads a row by its id alone", _throwaway(_UNFILTERED)),
    Planted("R35", "endpoint-nobody-looks-at", "a new endpoint takes an id, no body is known", _throwaway(_NO_BODY)),
    Planted(
        "R35",
        "table-without-policy",
        "a table's policy lets every tenant in",
        (
            Edit(
                "migrations/0009_create_payments.sql",
                "select wall('topups');",
                "alter table topups enable row level security, force row level security;\n"
                "create policy tenant on topups using (true) with check (true);",
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
                'f"select count(*) from {self.source} where {self.where(names)}")',
                'f"select count(*) from {self.source} where {self.where(names)}".replace("= $1", "<> $1", 1))'
                ".replace('tenant_id <>', 'tenant_id is not null or tenant_id <>')",
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
                "    return _known(await unit.row(store.TOPUP_BY_ID, unit.tenant_id, topup_id))\n",
                "    found = await unit.row(store.TOPUP_BY_ID, unit.tenant_id, topup_id)\n"
                "    if found is None and await unit.connection.fetchval(\n"
                '        "select exists (select from topups where id = $1)", topup_id\n'
                "    ):\n"
                '        raise rules.UnknownTopup("This top-up is another tenant\'s.")\n'
                "    return _known(found)\n",
            ),
        ),
    ),
)
_ANSWERS = (
    Planted("R34", "endpoint-without-scope", "a new endpoint declares no scope", _throwaway(_UNSCOPED)),
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
)

PLANTED: tuple[Planted, ...] = (*_ANSWERS, *_TENANTS)
