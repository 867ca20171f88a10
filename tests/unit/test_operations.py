"""An operation is declared by one call; what it does not say follows from its kind, its resource and its shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from openvest.core.schema import Body, View
from openvest.core.snapshots import Json
from openvest.core.v1 import PageQuery
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.operations import TESTS, V1, Kind, Kinds, Operations

GIFTS = Operations(V1, "Gifts", "gifts")


class GiftCreate(Body):
    """A new gift."""


class GiftView(View):
    """A gift."""


async def wrap_gift(unit: Unit, call: Call) -> Json:
    """Wrap a gift.

    What else is to be known of it is no summary.
    """


async def wrap_gifts(unit: Unit, calls: Sequence[Call]) -> Sequence[Json]:
    """Wrap many gifts."""
    return [None for _ in calls]


async def untold(unit: Unit, call: Call) -> Json: ...


def test_the_whole_endpoint_follows_from_one_call() -> None:
    assert GIFTS.creates("/boxes/{box_id}/gifts", wrap_gift, GiftView, body=GiftCreate, errors=(422,)) == Endpoint(
        method="POST",
        path="/boxes/{box_id}/gifts",
        operation_id="wrap_gift",
        summary="Wrap a gift",
        tag="Gifts",
        scopes=("gifts:admin",),
        answer=GiftView,
        verb=wrap_gift,
        body=GiftCreate,
        key_required=True,
        errors=(400, 404, 422),
    )


@pytest.mark.parametrize(
    ("made", "method", "status", "scopes", "errors"),
    [
        (GIFTS.lists("/gifts", wrap_gift, query=PageQuery), "GET", 200, "gifts:read gifts:admin", (400,)),
        (GIFTS.reads("/gifts/{gift_id}", wrap_gift), "GET", 200, "gifts:read gifts:admin", (404,)),
        (GIFTS.creates("/gifts", wrap_gift), "POST", 200, "gifts:admin", ()),
        (GIFTS.changes("/gifts/{gift_id}", wrap_gift, body=GiftCreate), "PATCH", 200, "gifts:admin", (400, 404)),
        (GIFTS.deletes("/gifts/{gift_id}", wrap_gift), "DELETE", 204, "gifts:admin", (404,)),
        (GIFTS.acts("/gifts/{gift_id}/wrap", wrap_gift, errors=(409,)), "POST", 200, "gifts:admin", (404, 409)),
    ],
)
def test_each_kind_has_its_own(made: Endpoint, method: str, status: int, scopes: str, errors: tuple[int, ...]) -> None:
    seen: tuple[Any, ...] = (made.method, made.status, " ".join(made.scopes), made.errors)
    assert seen == (method, status, scopes, errors)


def test_everything_can_be_said_otherwise() -> None:
    made = GIFTS.creates(
        "/gifts", wrap_gift, operation_id="make_gift", summary="Make one", tag="Boxes", scopes=(), key_required=False
    )
    assert (made.operation_id, made.summary, made.tag, made.scopes, made.key_required) == (
        "make_gift", "Make one", "Boxes", (), False,
    )  # fmt: skip


def test_a_batch_stands_in_the_place_of_a_verb() -> None:
    made = GIFTS.acts("/gifts/wrap", batch=wrap_gifts)
    assert (made.verb, made.batch, made.operation_id, made.summary) == (
        None,
        wrap_gifts,
        "wrap_gifts",
        "Wrap many gifts",
    )


def test_another_contract_has_other_kinds() -> None:
    lite = Operations(Kinds(creates=Kind("PUT", status=201)), "Gifts", "gifts", readers=("all",), writers=("all",))
    made = lite.creates("/gifts", wrap_gift)
    assert (made.method, made.status, made.key_required, made.scopes) == ("PUT", 201, False, ("gifts:all",))


def test_what_is_for_tests_is_served_by_sandboxes_alone() -> None:
    made = TESTS.reads("/tests/gifts", wrap_gift)
    assert (made.sandbox_only, made.addition, made.scopes) == (True, True, ("tests:admin",))
    assert not GIFTS.reads("/gifts", wrap_gift).addition


def test_what_says_nothing_of_itself_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^GET /gifts has no verb\.$"):
        GIFTS.reads("/gifts")
    with pytest.raises(TypeError, match=r"^GET /gifts has no summary: untold has no docstring\.$"):
        GIFTS.reads("/gifts", untold)
