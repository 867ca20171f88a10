"""Paths to endpoints: literals before parameters, both contracts, nothing ambiguous."""

from __future__ import annotations

from typing import Any

import pytest

from openvest.core.problems import MethodNotAllowed, NotFound
from openvest.declarations import Endpoint
from openvest.server.router import Router, pick


async def _verb(unit: Any, call: Any) -> Any:
    return None


def at(method: Any, path: str, **more: Any) -> Endpoint:
    return Endpoint(method, path, f"{method} {path}", "X", "X", (), None, _verb, **more)


V1 = [
    at("GET", "/users"),
    at("POST", "/users"),
    at("GET", "/users/{user_id}"),
    at("GET", "/users/{user_id}/checks/{check_id}"),
    at("GET", "/orders/open"),
    at("GET", "/orders/{order_id}"),
    at("GET", "/orders/{order_id}/executions"),
    at("POST", "/tests/clock", sandbox_only=True),
]
LITE = [at("GET", "/users/{id}"), at("GET", "/plans"), at("PATCH", "/orders/{id}")]
ROUTER = Router({"v1": V1, "lite": LITE}, sandbox=True)


@pytest.mark.parametrize(
    ("path", "found", "values"),
    [
        (b"/users", "/users", []),
        (b"/users/1", "/users/{user_id}", ["1"]),
        (b"/users/1/checks/2", "/users/{user_id}/checks/{check_id}", ["1", "2"]),
        (b"/orders/open", "/orders/open", []),
        (b"/orders/open/executions", "/orders/{order_id}/executions", ["open"]),
        (b"/users/a%2Fb", "/users/{user_id}", ["a/b"]),
        (b"/users/%C3%A9", "/users/{user_id}", ["é"]),
    ],
)
def test_paths_find_their_endpoint(path: bytes, found: str, values: list[str]) -> None:
    endpoint, hit = pick(ROUTER.find(path, "GET"), "v1", "GET")
    assert endpoint.path == found
    assert list(hit.values) == values


@pytest.mark.parametrize(
    "path", [b"/", b"", b"/users/", b"/users//checks/2", b"/users/1/checks", b"/users/%ff", b"/u\xff"]
)
def test_other_paths_are_not_found(path: bytes) -> None:
    with pytest.raises(NotFound):
        ROUTER.find(path, "GET")


def test_methods_of_both_contracts_are_allowed_until_the_caller_is_known() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTER.find(b"/orders/1", "DELETE")
    assert caught.value.headers == {"Allow": "GET, PATCH"}
    hits = ROUTER.find(b"/orders/1", "PATCH")
    with pytest.raises(MethodNotAllowed) as caught:
        pick(hits, "v1", "PATCH")
    assert caught.value.headers == {"Allow": "GET"}
    assert pick(hits, "lite", "PATCH")[0].path == "/orders/{id}"


def test_a_path_of_the_other_contract_says_so() -> None:
    with pytest.raises(NotFound, match="contract lite"):
        pick(ROUTER.find(b"/plans", "GET"), "v1", "GET")
    with pytest.raises(NotFound, match="contract v1"):
        pick(ROUTER.find(b"/users", "GET"), "lite", "GET")


def test_sandbox_operations_are_not_there_in_production() -> None:
    assert ROUTER.find(b"/tests/clock", "POST")
    with pytest.raises(NotFound):
        Router({"v1": V1, "lite": LITE}, sandbox=False).find(b"/tests/clock", "POST")


@pytest.mark.parametrize("extra", [at("GET", "/users"), at("DELETE", "/users/{id}")])
def test_a_table_that_contradicts_itself_is_refused(extra: Endpoint) -> None:
    with pytest.raises(ValueError, match="contradicts"):
        Router({"v1": [*V1, extra]}, sandbox=True)
