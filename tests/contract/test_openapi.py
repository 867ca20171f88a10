"""The served description is valid OpenAPI 3.1, the same every time, and the page over it asks nobody else."""

from __future__ import annotations

import json
import re
import shlex
from importlib.metadata import version
from typing import Any
from uuid import UUID

import httpx
import jsonschema
import pytest
from pydantic import create_model

from openvest.core.contracts import RULES
from openvest.core.schema import View
from openvest.core.v1 import page_of
from openvest.db.unit import Database
from openvest.declarations import Contract, Endpoint
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server import docs, docs_calls
from openvest.server.app import App
from openvest.server.examples import examples_of
from openvest.server.messages import HttpResponse, Request
from openvest.server.openapi import describe
from openvest.server.router import Router
from openvest.server.settings import ServerSettings
from tests.contract.things import LITE_THINGS, THINGS
from tests.kit.contracts import FIRST, TABLES, descriptions
from tests.kit.http import Api, http_of, make_test_app
from tests.kit.openapi import check_answer, check_description

pytestmark = pytest.mark.anyio

CONTRACTS: tuple[Contract, ...] = ("v1", "lite")


def described(contract: Contract) -> dict[str, Any]:
    router = Router({"v1": [*ENDPOINTS, *THINGS], "lite": [ENDPOINTS[0], *LITE_THINGS]}, sandbox=True)
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
    references = [parameter["$ref"].rpartition("/")[2] for parameter in lite["parameters"]]
    assert references == ["authorization", "apiVersion", "idempotencyKey"]
    assert described("lite")["components"]["parameters"]["idempotencyKey"]["required"] is False


def test_additions_are_marked() -> None:
    """Which those are, `make check` holds against the references."""
    marked = {
        (contract, operation["operationId"]): operation.get("x-openvest")
        for contract, description in descriptions().items()
        for item in description["paths"].values()
        for operation in item.values()
    }
    declared = {
        (contract, one.operation_id): "addition" if one.addition else None
        for contract, table in TABLES.items()
        for one in table
    }
    assert marked == declared
    assert marked["v1", "advance_clock"] == "addition"


# Names


def test_components_are_named_after_what_they_are() -> None:
    every = descriptions()
    schemas = [name for description in every.values() for name in description["components"]["schemas"]]
    assert {"Topup", "TopupCreate", "TopupPage", "AccountChange", "Money", "Meta", "BankAccount"} <= set(schemas)
    # A module's name, and what the schema library puts between it and a class, has an underscore.
    assert [name for name in schemas if not re.fullmatch("[A-Z][A-Za-z0-9]*", name)] == []
    assert [name for name in schemas if name.endswith(("View", "Answer", "Shown", "Body", "Query"))] == []


def test_tags_are_written_in_one_case() -> None:
    tags = {tag["name"] for described in descriptions().values() for tag in described["tags"]}
    assert len(tags) == len({tag.lower() for tag in tags})
    assert [tag for tag in tags if not all(word[0].isupper() for word in tag.split())] == []


@pytest.mark.parametrize(
    ("name", "both"),
    [
        ("MoneyView", "openvest.core.v1.MoneyView and openvest.features.gifts.v1.MoneyView"),
        ("Money", "Money and MoneyView"),
    ],
)
def test_a_class_of_a_name_that_is_taken_renames_nothing_and_is_refused(name: str, both: str) -> None:
    other = create_model(name, __base__=View, __module__="openvest.features.gifts.v1", text=(str, ...))
    gifts = Endpoint("GET", "/gifts", "list_gifts", "List gifts", "Gifts", ("users:read",), other)
    with pytest.raises(ValueError, match=f"^{both} would be published under one name, Money: share a class"):
        describe([*TABLES[FIRST], gifts], FIRST, "1")


def test_a_class_of_another_name_renames_nothing() -> None:
    other = create_model("GiftView", __base__=View, __module__="openvest.features.gifts.v1", text=(str, ...))
    gifts = Endpoint("GET", "/gifts", "list_gifts", "List gifts", "Gifts", ("users:read",), page_of(other, "gifts"))
    before, after = (describe(table, FIRST, "1") for table in (TABLES[FIRST], [*TABLES[FIRST], gifts]))
    new = {name: after["components"]["schemas"].pop(name) for name in ("Gift", "GiftPage")}
    assert after["components"]["schemas"] == before["components"]["schemas"]
    assert new["GiftPage"]["description"] == "A page of gifts."
    assert set(new["GiftPage"]["properties"]) == set(new["GiftPage"]["required"]) == {"meta", "data"}


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


async def test_the_page_shows_every_operation_of_both_contracts_with_its_example() -> None:
    every = descriptions()
    shown = docs.page(every)
    assert shown.count("Several contracts to one system") == 1
    for contract, description in every.items():
        section = shown.partition(f'<section class="contract" id="{contract}"')[2].partition("</section>")[0]
        assert f'<a href="#{contract}" aria-current=true>' in section and section.count("aria-current") == 1
        assert all(f'<a href="#{other}"' in section for other in every), "the switch"
        ids = [operation["operationId"] for item in description["paths"].values() for operation in item.values()]
        for one in ids:
            assert section.count(f'id="{contract}-{one}"') == section.count(f'href="#{contract}-{one}"') == 1
        calls = re.findall(r'aria-label="Example">(curl|openvest api|POST)', section)
        assert len(calls) == len(examples_of(contract)), "each example is a command, or a form"
        assert set(calls) == ({"openvest api", "POST"} if RULES[contract].signed else {"curl"})
        assert section.count('class="addition"') == sum(one.addition for one in TABLES[contract])
    alone = docs.page({FIRST: every[FIRST]})
    assert "Two contracts" not in alone and 'class="switch"' not in alone
    assert re.findall(r"<(?:nav|pre)(?![^>]*aria-label)[^>]*>", shown) == [], "what can be reached has a name"


def test_an_example_is_a_command_that_can_be_pasted() -> None:
    """Quotes of texts do not end it, and what is sent is what was kept."""
    contents = {"application/json": {"example": {"name": "O'Neil", "note": "a $b `c`"}}}
    operation = {"parameters": [], "requestBody": {"content": contents}, "responses": {"200": {}}}
    for signed, program in ((False, "curl"), (True, "openvest")):
        told = docs_calls.call_shown("patch", "/users", operation, signed=signed)
        assert told is not None
        words = shlex.split(told.replace("\\\n", " "))
        assert words[0] == program and "PATCH" in words
        assert json.loads(words[words.index("-d") + 1]) == contents["application/json"]["example"]


async def test_every_page_takes_get_and_head_alone(app: App) -> None:
    assert {"/", "/docs", "/health/live", "/health/ready", "/openapi/v1.json"} <= set(app.pages)
    async with http_of(app) as http:
        for path in app.pages:
            answer, head = await http.get(path), await http.head(path)
            assert (answer.status_code, head.status_code, head.content) == (200, 200, b""), path
            own = {"upvest-request-id": answer.headers["upvest-request-id"]}
            assert dict(head.headers) | own == dict(answer.headers), path
            refused = await http.post(path)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_the_first_page_says_what_this_is_and_where_the_rest_is(database: Database) -> None:
    settings = ServerSettings(mode="production", metrics_url="http://127.0.0.1:9464/metrics")
    async with http_of(make_test_app(database, THINGS, settings=settings)) as http:
        told = await http.get("/")
        shown = await http.get("/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        found: dict[str, Any] = told.json()
        links = [found["docs"], *found["health"].values(), *found["openapi"].values()]
        assert [(await http.get(link)).status_code for link in links] == [200] * len(links)
    assert (found["name"], found["mode"], found["version"]) == ("OpenVest", "production", version("openvest"))
    assert found["metrics"] == settings.metrics_url
    assert set(re.findall(r'href="([^"]+)"', shown.text)) == {"/docs/docs.css", *links, found["metrics"]}
    assert (told.headers["vary"], shown.headers["content-type"]) == ("accept", "text/html; charset=utf-8")


async def test_a_page_that_breaks_says_so_with_an_id(app: App) -> None:
    async def broken(_: Request) -> HttpResponse:
        raise LookupError("a secret")

    app.pages["/docs"] = broken
    async with http_of(app) as http:
        told = await http.get("/docs")
    assert (told.status_code, told.json()["request_id"]) == (500, told.headers["upvest-request-id"])
    assert "secret" not in told.text


def test_every_path_parameter_says_which_forms_it_takes() -> None:
    parameters = [
        (path, one)
        for description in descriptions().values()
        for path, item in description["paths"].items()
        for operation in item.values()
        for one in operation["parameters"]
        if one.get("in") == "path"
    ]
    assert [path for path, one in parameters if not one["description"]] == []
    named = [one for _, one in parameters if one["name"] == "instrument_id"]
    instruments = [one for one in named if "anyOf" in one["schema"]]
    assert len(instruments) == 5
    others = [one for one in named if one not in instruments]
    assert {(one["schema"]["format"], "ISIN" in one["description"]) for one in others} == {("uuid", True)}
    for one in instruments:
        patterns = [form["pattern"] for form in one["schema"]["anyOf"]]
        for name in ("DE0007164600", str(UUID(int=0))):
            for prefix in ("", "urn:isin:", "uuid:"):
                taken = any(re.search(pattern, prefix + name) for pattern in patterns)
                assert taken == (not prefix or ("isin" in prefix) == name.startswith("DE")), prefix + name


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
