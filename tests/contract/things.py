"""Throw-away endpoints for tests of the server itself. Their one effect is an event, so effects can be counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from openvest.core.problems import NotFound, Unprocessable
from openvest.core.schema import Body, Id, PaymentAmount, Unused, View
from openvest.core.v1 import PageQuery
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint

SCOPES = ("orders:admin",)


class Part(Body):
    name: Annotated[str, Field(max_length=5)]


class ThingRequest(Body):
    """A thing to be made."""

    name: Annotated[str, Field(min_length=1, max_length=20)]
    amount: PaymentAmount | None = None
    kind: Literal["GOOD", "BAD", "SLOW", "BROKEN", "POISON"] = "GOOD"
    parts: list[Part] = Field(default=[])
    note: Annotated[str | None, Unused] = None

    @model_validator(mode="after")
    def _whole(self) -> ThingRequest:
        if self.name == "contradiction":
            raise ValueError("amount: excludes the name\nkind: is required with this name")
        return self


class Thing(View):
    """A thing that was made."""

    id: Id
    name: str
    cause: str
    amount: str | None


class ThingQuery(PageQuery):
    sort: Literal["name"] = "name"
    names: list[str] = Field(default=[])


async def make_thing(unit: Unit, call: Call) -> Any:
    return await _make(unit, call)


async def _make(unit: Unit, call: Call) -> Any:
    asked: ThingRequest = call.body
    if asked.kind == "BAD":
        raise Unprocessable("A bad thing cannot be made.")
    if asked.kind == "BROKEN":
        raise RuntimeError(f"a secret {asked.name}")
    if asked.kind == "SLOW":
        await asyncio.sleep(0.3)
    thing_id = unit.ids_for(call.cause).new("thing")
    amount = None if asked.amount is None else str(asked.amount)
    thing = {"id": str(thing_id), "name": asked.name, "cause": call.cause, "amount": amount}
    unit.emit("THING.CREATED", thing_id, 1, unit.moment_after(None, call.item), thing)
    return thing


async def make_things(unit: Unit, calls: Sequence[Call]) -> Sequence[Any]:
    if any(call.body.kind == "POISON" for call in calls) and len(calls) > 1:
        raise ValueError("one of them spoils the set")
    results: list[Any] = []
    for call in calls:
        try:
            results.append(await _make(unit, call))
        except Unprocessable as problem:
            results.append(problem)
    return results


async def get_thing(unit: Unit, call: Call) -> Any:
    raise NotFound("No object has this id.")


async def list_things(unit: Unit, call: Call) -> Any:
    return {"limit": call.query.limit, "offset": call.query.offset, "names": call.query.names, "data": []}


async def read_together(unit: Unit, calls: Sequence[Call]) -> Sequence[Any]:
    return [
        NotFound("No object has this id.") if call.path["thing_id"].int == 0 else {"together": len(calls)}
        for call in calls
    ]


async def remove_thing(unit: Unit, call: Call) -> Any:
    return None


THINGS = [
    Endpoint(
        "POST", "/things", "make_thing", "Make a thing", "Things", SCOPES, Thing, make_thing,
        body=ThingRequest, key_required=True,
    ),
    Endpoint(
        "POST", "/batched_things", "make_things", "Make a thing in a flush", "Things", SCOPES, Thing,
        batch=make_things, body=ThingRequest, key_required=True,
    ),
    Endpoint(
        "POST", "/unkeyed_things", "make_unkeyed", "Make a thing without a key", "Things", SCOPES, Thing, make_thing,
        body=ThingRequest, status=201,
    ),
    Endpoint(
        "GET", "/things", "list_things", "List things", "Things", ("orders:read", "orders:admin"), None, list_things,
        query=ThingQuery,
    ),
    Endpoint(
        "GET", "/things/{thing_id}", "get_thing", "Get a thing", "Things", ("orders:read", "orders:admin"), Thing,
        get_thing,
    ),
    Endpoint(
        "GET", "/together/{thing_id}", "get_together", "Get things together", "Things", ("orders:read",), None,
        batch=read_together,
    ),
    Endpoint(
        "DELETE", "/things/{thing_id}", "remove_thing", "Remove a thing", "Things", SCOPES, None, remove_thing,
        status=204,
    ),
    Endpoint(
        "GET", "/sandbox_things", "sandbox_things", "List sandbox things", "Things", ("tests:admin",), None,
        list_things, query=ThingQuery, sandbox_only=True,
    ),
]  # fmt: skip

LITE_THINGS = [
    Endpoint(
        "POST", "/lite_things", "lite_make", "Make a thing", "Things", SCOPES, Thing, make_thing, body=ThingRequest,
        status=201,
    ),
    Endpoint("GET", "/things", "lite_list", "List things", "Things", SCOPES, None, list_things, query=ThingQuery),
]  # fmt: skip

_EVENTS = Query(int, "select count(*) from events where tenant_id = $1 and type = 'THING.CREATED'")
_NAMES = Query(str, "select snapshot->>'name' from events where tenant_id = $1 order by created_at, object_id")
_IDS = Query(UUID, "select object_id from events where tenant_id = $1 order by created_at, object_id")


async def made(database: Database, tenant_id: UUID) -> int:
    """How many things there are."""
    return await database.read(tenant_id, lambda unit: unit.one(_EVENTS, tenant_id))


async def names(database: Database, tenant_id: UUID) -> list[str]:
    return await database.read(tenant_id, lambda unit: unit.rows(_NAMES, tenant_id))


async def ids(database: Database, tenant_id: UUID) -> list[UUID]:
    return await database.read(tenant_id, lambda unit: unit.rows(_IDS, tenant_id))


def thing(name: str = "one", **more: Any) -> dict[str, Any]:
    return {"name": name, **{k: str(v) if isinstance(v, Decimal) else v for k, v in more.items()}}
