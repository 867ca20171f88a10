"""Every operation is described with an example, which is what a life was really asked and answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openvest.declarations import Endpoint
from openvest.server.examples import examples_of, illustrate
from openvest.server.openapi import describe
from tests.contract.things import THINGS
from tests.examples.__main__ import stale, written
from tests.examples.life import NOT_ASKED, examples
from tests.gates.ground import standing_on
from tests.kit.cluster import Cluster
from tests.kit.contracts import SERVED, components_of, contract_of, label, operation_of, said_of

Json = dict[str, Any]


def contents(endpoint: Endpoint) -> Iterator[tuple[str, Json]]:
    """What of an operation has an example: its body, its answer."""
    operation = operation_of(endpoint)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield "body", content
    for content in operation["responses"][str(endpoint.status)].get("content", {}).values():
        yield "answer", content


def test_every_operation_has_one_that_fits_its_schema() -> None:
    missing = [
        f"{label(one)}: make docs"
        for one in SERVED
        if one.operation_id not in examples_of(contract_of(one)) and said_of(NOT_ASKED, one) is None
    ]
    assert missing == []
    held = 0
    for endpoint in SERVED:
        if said_of(NOT_ASKED, endpoint) is not None:
            continue
        for what, content in contents(endpoint):
            schema = {**content["schema"], "components": {"schemas": components_of(endpoint)}}
            errors = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
            assert errors == [], f"{label(endpoint)} {what}"
            held += 1
        for parameter in operation_of(endpoint)["parameters"]:
            if parameter.get("in") == "path":
                assert f"/{parameter['example']}" in examples_of(contract_of(endpoint))[endpoint.operation_id]["target"]
    assert held > len(SERVED)


def test_one_that_does_not_fit_is_seen_and_none_is_made_up() -> None:
    """An operation of which nothing is kept is described as it is, without an example."""
    described = describe(THINGS, "v1", "1")
    assert "example" not in str(described["paths"])
    creates = described["paths"]["/things"]["post"]
    illustrate(creates, "/things", {"target": "/things", "request": {"a": 1}, "status": 200, "answer": {"b": "2"}})
    assert creates["requestBody"]["content"]["application/json"]["example"] == {"a": 1}
    assert creates["responses"]["200"]["content"]["application/json"]["example"] == {"b": "2"}
    lists = described["paths"]["/things"]["get"]
    illustrate(lists, "/things", {"target": "/things?limit=2&sort=name", "request": None, "status": 200, "answer": {}})
    shown = {one["name"]: one["example"] for one in lists["parameters"] if "example" in one}
    assert shown == {"limit": 2, "sort": "name"}


@pytest.mark.anyio
async def test_the_same_life_gives_the_same_examples(cluster: Cluster) -> None:
    with standing_on(cluster):
        made = await examples()
    assert stale(written(made)) == [], "make docs"
    assert stale({"v1.json": "{}", "none.json": ""}) == ["v1.json", "none.json"]
