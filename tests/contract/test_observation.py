"""What a server tells about itself: one line and a few counts per request, and nothing secret or personal."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from openvest.core.clock import WireClock, parse_instant
from openvest.db.unit import Database
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server.app import App, measure
from openvest.server.metrics import make_metrics_app
from openvest.server.settings import ServerSettings
from tests.contract.things import THINGS, thing
from tests.kit.http import WIRE, Api, make_api, make_test_app

pytestmark = pytest.mark.anyio


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def test_every_request_is_one_line_without_anything_personal(api: Api, log: io.StringIO) -> None:
    key, object_id = uuid4(), uuid4()
    answers = [
        await api.send("POST", "/things", thing("canary-body"), key=key),
        await api.send("POST", "/things", {"name": ["canary-misfit"]}, key=uuid4()),
        await api.send("POST", "/things", thing("canary", kind="BROKEN"), key=uuid4()),
        await api.get("/things?names=canary-query"),
        await api.get(f"/things/{object_id}"),
        await api.http.get("/canary-path", headers={"authorization": "Bearer canary-token", "canary-header": "x"}),
        await api.http.get("/things", headers={"authorization": "Bearer canary-token"}),
    ]
    text = log.getvalue()
    for secret in ("canary", str(api.token), api.client.client_secret, str(key), str(object_id)):
        assert secret not in text
    told = {line["request_id"]: line for line in lines(log) if line["event"] == "request"}
    for answer in answers:
        line = told[answer.headers["upvest-request-id"]]
        assert line["status"] == answer.status_code
        assert line["microseconds"] >= 0
        assert line["at"].endswith("Z")
    by_status = [(line["operation"], line["status"]) for line in told.values()]
    assert ("make_thing", 200) in by_status
    assert ("unknown", 404) in by_status
    assert ("list_things", 401) in by_status
    client = str(api.client.client_id)
    assert {line.get("client_id") for line in told.values()} == {client, None}


async def test_the_line_per_request_can_be_switched_off(database: Database, tenant_id: UUID) -> None:
    log = io.StringIO()
    quiet = make_test_app(database, [*ENDPOINTS, *THINGS], settings=ServerSettings(request_log=False), log=log)
    api = await make_api(quiet, database, tenant_id)
    await api.get("/things")
    await api.post("/things", thing(kind="BROKEN"))
    assert [line["event"] for line in lines(log)] == ["fault"]


async def test_requests_are_counted_by_operation_and_status(app: App, api: Api) -> None:
    for _ in range(3):
        await api.get("/things")
    await api.post("/things", thing(kind="BAD"))
    await api.http.get("/nowhere/at/all")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_metrics_app(app.metrics)), base_url="http://metrics.test"
    ) as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'openvest_requests_total{operation="list_things",status="200"} 3.0' in answer.text
    assert 'openvest_requests_total{operation="make_thing",status="422"} 1.0' in answer.text
    assert 'openvest_requests_total{operation="unknown",status="404"} 1.0' in answer.text
    assert 'openvest_request_seconds_count{operation="list_things"} 3.0' in answer.text
    assert "nowhere" not in answer.text


async def test_nothing_but_the_figures_is_on_their_port(app: App) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_metrics_app(app.metrics)), base_url="http://metrics.test"
    ) as http:
        for path in ("/", "/metrics/", "/health/live", "/Metrics"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["request_id"]) == (404, answer.headers["upvest-request-id"])
        head, told = await http.head("/metrics"), await http.post("/metrics")
    assert (head.status_code, head.content) == (200, b"") and int(head.headers["content-length"]) > 100
    assert (told.status_code, told.headers["allow"]) == (405, "GET, HEAD")


async def test_the_application_lives_and_ends_in_order(database: Database, tenant_id: UUID) -> None:
    app = make_test_app(database, [*ENDPOINTS, *THINGS])
    await app.start()
    api = await make_api(app, database, tenant_id)
    assert (await api.get("/things")).status_code == 200
    await app.stop()


async def test_the_wire_clock_follows_the_database(database: Database) -> None:
    wrong = WireClock()
    wrong.measure(parse_instant("2001-01-01T00:00:00Z"), 0, 0)
    assert await measure(database, wrong)
    assert abs(wrong.now_seconds() - WIRE.now_seconds()) <= 1
