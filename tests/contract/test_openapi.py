"""The served description is valid OpenAPI 3.1, the same every time, and the page over it asks nobody else."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jsonschema
import pytest

from openvest.core.declarations import Contract
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server.app import App
from openvest.server.openapi import describe
from openvest.server.router import Router
from tests.contract.things import LITE_THINGS, THINGS
from tests.kit.http import Api, http_of
from tests.kit.openapi import check_answer, check_description

pytestmark = pytest.mark.anyio

CONTRACTS: tuple[Contract, ...] = ("v1", "lite")


def described(contract: Contract) -> dict[str, Any]:
    router = Router([*ENDPOINTS, *THINGS], [ENDPOINTS[0], *LITE_THINGS], sandbox=True)
    return describe(router.endpoints[contract], contract, "1")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_description_is_valid(contract: Contract) -> None:
    check_description(described(contract))


def test_a_description_that_is_not_valid_is_seen() -> None:
    broken = described("v1")
    broken["paths"]["/things"]["get"]["responses"]["200"].pop("description")
    with pytest.raises(jsonschema.ValidationError):
        check_description(broken)
    dangling = described("v1")
    del dangling["components"]["schemas"]["Thing"]
    with pytest.raises(AssertionError, match="Thing"):
        check_description(dangling)


def test_the_description_does_not_depend_on_the_order_of_the_table() -> None:
    table = [*ENDPOINTS, *THINGS]
    assert json.dumps(describe(table, "v1", "1")) == json.dumps(describe(table[::-1], "v1", "1"))


def test_operations_are_described_in_full() -> None:
    description = described("v1")
    post = description["paths"]["/things"]["post"]
    references = [parameter["$ref"].rpartition("/")[2] for parameter in post["parameters"]]
    assert references == [
        "authorization", "clientID", "signature", "signatureInput", "signatureVersion", "apiVersion", "idempotencyKey",
    ]  # fmt: skip
    assert post["security"] == [{"oauth-client-credentials": ["orders:admin"]}]
    wanted = "200 400 401 403 406 408 409 413 415 422 429 431 500 503"
    assert sorted(post["responses"]) == wanted.split()
    get = description["paths"]["/things"]["get"]
    query = {p["name"]: p for p in get["parameters"] if "name" in p}
    assert query["limit"]["schema"]["maximum"] == 1000
    assert query["sort"]["schema"] == {"const": "name", "default": "name", "type": "string"}
    assert "ThingQuery" not in description["components"]["schemas"]
    token = description["paths"]["/auth/token"]["post"]
    assert list(token["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert "security" not in token
    assert {p["$ref"].rpartition("/")[2] for p in token["parameters"]} >= {"clientID", "signature"}
    lite = described("lite")["paths"]["/lite_things"]["post"]
    assert [p["$ref"].rpartition("/")[2] for p in lite["parameters"]] == ["authorization", "apiVersion"]


async def test_descriptions_are_served_with_a_tag(app: App) -> None:
    async with http_of(app) as http:
        for contract in CONTRACTS:
            answer = await http.get(f"/openapi/{contract}.json")
            assert answer.status_code == 200
            check_description(answer.json())
            again = await http.get(f"/openapi/{contract}.json", headers={"if-none-match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


async def test_the_page_needs_no_script_and_no_other_host(app: App) -> None:
    async with http_of(app) as http:
        page = await http.get("/docs")
        style = await http.get("/docs/docs.css")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    linked = re.findall(r'(?:src|href)="([^"#]+)', page.text)
    assert linked
    assert all(link.startswith("/") and not link.startswith("//") for link in linked)
    anchors = set(re.findall(r'href="#([^"]+)"', page.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page.text))
    assert "Make a thing in a flush" in page.text
    assert "lite-lite_make" in page.text
    assert style.status_code == 200
    assert "url(" not in style.text


async def test_health_and_pages_take_get_only(app: App) -> None:
    async with http_of(app) as http:
        for path in ("/health/live", "/health/ready"):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert answer.headers["upvest-request-id"]
        refused = await http.post("/docs")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


async def test_answers_are_held_against_the_description(api: Api) -> None:
    description = described("v1")
    good: httpx.Response = await api.post("/things", {"name": "one"})
    check_answer(description, good)
    check_answer(description, await api.post("/things", {"name": 1}))
    undeclared = httpx.Response(418, json={}, request=good.request)
    with pytest.raises(AssertionError, match="418"):
        check_answer(description, undeclared)
    odd = httpx.Response(200, json={"id": 1}, headers=good.headers, request=good.request)
    with pytest.raises(jsonschema.ValidationError):
        check_answer(description, odd)
