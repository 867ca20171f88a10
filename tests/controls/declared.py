"""Throwaway features planted against the gates over declarations, each with one flaw."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted
from tests.controls.throwaway import throwaway

_DUST = "src/openvest/features/executions/sweeps_dust.py"
_TABLE = Edit(
    "migrations/0900_create_gifts.sql",
    "",
    "create table gifts (tenant_id uuid not null references tenants, id uuid not null, name text not null,\n"
    "  primary key (tenant_id, id));\n"
    "select isolate_tenant('gifts');\n"
    "select grant_app('gifts', 'select, insert, update');\n",
)
_EVERYBODYS = """
GIFTS = Query(str, "select name from gifts where tenant_id is not null")


class Gifts(View):
    names: list[str]


async def gifts(unit: Unit, call: Call) -> Json:
    return {"names": await unit.rows(GIFTS)}


ENDPOINTS = [Endpoint("GET", "/gifts", "gifts", "List gifts", "Users", ("users:read",), Gifts, gifts)]
"""
_OTHERS_CHILD = """
from openvest.features.users import service

FOUND = Query(str, "select type from user_identifiers where tenant_id = $1 and id = $2")


class Kind(View):
    type: str


async def kind(unit: Unit, call: Call) -> Json:
    await service.get_user(unit, call.path["user_id"])
    found = await unit.row(FOUND, unit.tenant_id, call.path["identifier_id"])
    if found is None:
        raise NotFound("There is no identifier of this id.")
    return {"type": found}


ENDPOINTS = [
    Endpoint(
        "GET", "/users/{user_id}/identifiers/{identifier_id}/kind", "kind", "Get its kind", "Users", ("users:read",),
        Kind, kind, errors=(404,),
    )
]
"""
_PLAIN = """

class Greeting(View):
    pass


async def greet(unit: Unit, call: Call) -> Json:
    return {}


"""
_READER_WRITES = f"""{_PLAIN}
ENDPOINTS = [Endpoint("PUT", "/greetings", "greet", "Greet", "Users", ("users:read",), Greeting, greet)]
"""
_ADMIN_READS = f"""{_PLAIN}
ENDPOINTS = [Endpoint("GET", "/greetings", "greet", "Greet", "Users", ("users:admin",), Greeting, greet)]
"""
_GET_WRITES = f"""{_PLAIN}
ENDPOINTS = [Endpoint("GET", "/greetings", "greet", "Greet", "Users", ("users:read",), Greeting, greet, writes=True)]
"""
_UNKEYED = f"""{_PLAIN}
ENDPOINTS = [Endpoint("POST", "/greetings", "greet", "Greet", "Users", ("users:admin",), Greeting, greet)]
"""
_OPEN_INSIDE = f"""
from pydantic import BaseModel

{_PLAIN}
class Words(BaseModel):
    text: str = ""


class Greet(Body):
    words: Words | None = None


ENDPOINTS = [Endpoint("PUT", "/greetings", "greet", "Greet", "Users", ("users:admin",), Greeting, greet, body=Greet)]
"""
_ENDLESS = """
STATES = Query(str, "select status from users where tenant_id = $1")


class Line(View):
    status: str


class Lines(View):
    data: list[Line]


async def lines(unit: Unit, call: Call) -> Json:
    return {"data": [{"status": one} for one in await unit.rows(STATES, unit.tenant_id)]}


ENDPOINTS = [Endpoint("GET", "/lines", "lines", "List lines", "Users", ("users:read",), Lines, lines)]
"""
_NO_WAY_OUT = '''"""The life of a gift."""

from __future__ import annotations

from openvest.core.lifecycle import Lifecycle

GIFT = Lifecycle("gift", "gifts.status", ("NEW",), frozenset({"GIVEN"}), {("NEW", "hold"): "HELD"})
'''
_ORDERS = "src/openvest/features/orders/feature.py"
_USERS = "src/openvest/features/users/feature.py"
_FORGOTTEN = '''"""Work that nobody put into the catalog."""

from __future__ import annotations

from openvest.features.users import sweeps

SWEEPS = [type(one)(*(getattr(one, name) for name in one.__slots__)) for one in sweeps.SWEEPS]
'''

_GREET = """
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from openvest.db.query import Query


@dataclass(frozen=True)
class Found:
    id: UUID


FOUND = Query(Found, "select id from users where tenant_id = $1 limit $2")


async def claim_greetings(unit: Unit, limit: int) -> Sequence[Found]:
    return await unit.rows(FOUND, unit.tenant_id, limit)


async def greet(unit: Unit, rows: Sequence[Found]) -> None:
    return None


GREETINGS_DUE = Query(datetime, "select $2::timestamptz as due_at from users where tenant_id = $1 limit 1")


"""
_GREETINGS = '    Sweep("greet", claim_greetings, greet, GREETINGS_DUE, Phase.NEWS),\n'


def _greeting(work: str) -> tuple[Edit, ...]:
    """New work in a feature's table, and its code."""
    sweeps, known, place = (
        "src/openvest/features/users/sweeps.py",
        "    Outbound(\n",
        "async def lease_changes(",
    )
    return Edit(sweeps, known, _GREETINGS + known), Edit(sweeps, place, work + place)


PLANTED: tuple[Planted, ...] = (
    Planted(
        "R35",
        "table-without-rows",
        "a new list shows everybody's rows of a new table",
        (_TABLE, *throwaway(_EVERYBODYS)),
    ),
    Planted("parents", "child-of-another", "a new endpoint looks at the child alone", throwaway(_OTHERS_CHILD)),
    Planted(
        "parents",
        "check-of-another",
        "a check is found by way of any user",
        (
            Edit(
                "src/openvest/features/onboarding/store.py",
                'user_id = $2 and id = $3")\nCHECKS_OF',
                '$2::uuid is not null and id = $3")\nCHECKS_OF',
            ),
        ),
    ),
    Planted(
        "parents",
        "mandate-of-another",
        "money is collected under the mandate of any user",
        (
            Edit(
                "src/openvest/features/mandates/service.py",
                "    if row.user_id != user_id:\n        raise rules.MandateNotFound\n",
                "",
            ),
        ),
    ),
    Planted(
        "declared",
        "write-by-a-reader",
        "a scope of reading lets a new endpoint write",
        throwaway(_READER_WRITES),
    ),
    Planted(
        "declared",
        "read-by-admins",
        "its scope of reading does not permit a new read",
        throwaway(_ADMIN_READS),
    ),
    Planted("declared", "get-that-writes", "a new GET writes", throwaway(_GET_WRITES)),
    Planted("declared", "post-without-key", "a new POST demands no key", throwaway(_UNKEYED)),
    Planted("declared", "open-inside", "an optional object in a new body takes any field", throwaway(_OPEN_INSIDE)),
    Planted("declared", "list-without-pages", "a new list shows all there is", throwaway(_ENDLESS)),
    Planted(
        "declared",
        "state-without-way-out",
        "a new life has a state that is no end and leads nowhere",
        (
            Edit("src/openvest/features/users/rules_gifts.py", "", _NO_WAY_OUT),
            Edit(_USERS, "rules, store, sweeps, v1\n", "rules, rules_gifts, store, sweeps, v1\n"),
            Edit(_USERS, "lifecycles=(", "lifecycles=(rules_gifts.GIFT, "),
        ),
    ),
    Planted(
        "declared",
        "work-forgotten",
        "new work is declared and not in the catalog",
        (Edit("src/openvest/features/users/sweeps_gifts.py", "", _FORGOTTEN),),
    ),
    Planted(
        "declared",
        "blocker-forgotten",
        "a purchase under way does not keep its account from being closed",
        (Edit(_ORDERS, "    blockers=(service.OPEN_PURCHASES,),\n", ""),),
    ),
    Planted(
        "declared",
        "lifecycle-forgotten",
        "nobody holds the states of data changes to their lifecycle",
        (Edit(_USERS, "(rules.USER, rules.DATA_CHANGE)", "(rules.USER,)"),),
    ),
    Planted(
        "declared",
        "publisher-forgotten",
        "balances move and nobody is told",
        (Edit("src/openvest/features/cash/feature.py", "    publishers=(service.publish_cash,),\n", ""),),
    ),
    Planted(
        "declared",
        "mapper-forgotten",
        "events of top-ups are kept, and v1 shows them to nobody",
        (
            Edit(
                "src/openvest/features/payments/feature.py",
                "Face(v1.ENDPOINTS, v1.REPRESENTATIONS)",
                "Face(v1.ENDPOINTS)",
            ),
        ),
    ),
    Planted(
        "told",
        "move-without-event",
        "an account is activated without an event",
        (
            Edit(
                "src/openvest/features/accounts/service.py",
                '    return await save_next(unit, store.SAVE_ACCOUNT, account, f"ACCOUNT.',
                '    if verb == "activate":\n'
                "        from openvest.db.rows import next_version\n"
                "        moved = next_version(unit, account, status=status, **changes)\n"
                "        await save(unit, store.SAVE_ACCOUNT, moved)\n"
                "        return moved\n"
                '    return await save_next(unit, store.SAVE_ACCOUNT, account, f"ACCOUNT.',
            ),
        ),
    ),
    Planted(
        "again",
        "late-answers-count",
        "what is said about a change is taken whoever holds the lease",
        (
            Edit(
                "src/openvest/features/users/store.py",
                "from data_changes where tenant_id = $1 and id = any($2::uuid[]) and lease_token = $3",
                "from data_changes where tenant_id = $1 and id = any($2::uuid[]) and $3::uuid is not null",
            ),
        ),
    ),
    Planted(
        "again",
        "nothing-to-set-aside",
        "what is asked of a venue has no id to be set aside by",
        (Edit("src/openvest/features/street/sweeps.py", "    def id(self) -> UUID:", "    def number(self) -> UUID:"),),
    ),
    Planted(
        "again",
        "dust-stays-in-its-lots",
        "dust leaves a closing account and is never taken from the lots it was bought in",
        (Edit(_DUST, "    await use_lots(unit, uses)\n", "    await use_lots(unit, uses[:0])\n"),),
    ),
    Planted(
        "again",
        "dust-is-left",
        "what nobody can sell is told to have left a closing account, and is still there",
        (
            Edit(
                _DUST,
                "row.quantity, on) for i, row in dust.items()])\n",
                "row.quantity, on) for i, row in dust.items() if not row])\n",
            ),
        ),
    ),
    Planted(
        "again",
        "done-and-due",
        "new work finds what it did due again",
        _greeting(_GREET),
    ),
    Planted(
        "again",
        "never-due",
        "new work is due in no life there is",
        _greeting(_GREET.replace(" limit ", " and version < 0 limit ")),
    ),
    Planted(
        "sealed",
        "number-in-an-event",
        "the event of a new user has the number that is sealed",
        (
            Edit(
                "src/openvest/features/users/service.py",
                '    unit.emit("USER.CREATED", user.id, 1, at, user)\n',
                "    from openvest.core.snapshots import snapshot_of\n"
                '    unit.emit("USER.CREATED", user.id, 1, at, {**snapshot_of(user), "number": number})\n',
            ),
        ),
    ),
    Planted(
        "sealed",
        "body-in-log",
        "the log line of a request has its body",
        (
            Edit(
                "src/openvest/server/logs.py",
                '                facts["client_id"] = request.client\n',
                '                facts["client_id"] = request.client\n'
                '                facts["body"] = repr(request.body)\n',
            ),
        ),
    ),
    Planted(
        "sealed",
        "sealed-by-nobody",
        "a new sealed column is filled in no life there is",
        (
            Edit(
                "migrations/0900_seal_notes.sql",
                "",
                "alter table users add column sealed_note bytea;\n",
            ),
        ),
    ),
)
