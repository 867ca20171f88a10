"""A production that would lose what was acknowledged with its server is told so: by its figures and by `doctor`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import httpx
import pytest

from openvest.cli import doctor
from openvest.db.durability import Durability
from openvest.main import Assembled
from openvest.main.figures import asked_of
from openvest.server.metrics import Metrics, make_metrics_app
from tests.kit.cluster import OWNER, Cluster

ASYNCHRONOUS = {"no_standby", "asynchronous", "synchronous_commit"}


@pytest.mark.parametrize(
    ("found", "risks"),
    [
        (Durability("on", "", 0, None), {"no_standby", "asynchronous"}),
        (Durability("on", "", 1, None), {"asynchronous"}),
        (Durability("on", "", 1, 0), {"asynchronous"}),
        (Durability("on", "standby", 0, None), {"no_standby"}),
        (Durability("on", "standby", 1, 0), {"no_standby"}),
        (Durability("on", "standby", 1, None), set[str]()),
        (Durability("remote_apply", "ANY 1 (a, b)", 2, 2), set[str]()),
        (Durability("remote_write", "*", 1, 1), {"synchronous_commit"}),
        (Durability("local", "*", 1, 1), {"synchronous_commit"}),
        (Durability("off", "", 0, 0), ASYNCHRONOUS),
    ],
)
def test_what_would_be_lost_is_said(found: Durability, risks: set[str]) -> None:
    assert set(found.risks) == risks


def test_a_missing_synchronous_standby_names_who_is_waited_for() -> None:
    (sentence,) = Durability("on", "ANY 1 (a, b)", 0, None).risks.values()
    assert sentence == ("No synchronous standby is connected, and writes wait for one of ANY 1 (a, b); start one.")


@pytest.mark.anyio
@pytest.mark.parametrize(("mode", "told"), [("production", ASYNCHRONOUS), ("sandbox", set[str]())])
async def test_the_figures_of_a_production_tell_of_it(assembled: Assembled, mode: str, told: set[str]) -> None:
    """The server of the tests has no standby, and its commits wait for nothing."""
    installation = cast(Any, SimpleNamespace(assembled=assembled, mode=mode))
    app = make_metrics_app(Metrics(), asked=asked_of(installation))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://metrics.test") as http:
        lines = (await http.get("/metrics")).text.splitlines()
    assert {line for line in lines if line.startswith("openvest_database")} == {
        f'openvest_database_durability_risk{{risk="{risk}"}} 1.0' for risk in told
    }


@pytest.mark.parametrize(("mode", "told"), [("production", 3), ("sandbox", 0)])
def test_doctor_tells_a_production_of_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str, told: int
) -> None:
    async def made() -> str:
        name = await cluster.create()
        owner = await asyncpg.connect(cluster.dsn(name, OWNER))
        await owner.execute("select found_installation('1', $1)", mode)
        await owner.close()
        return name

    name = asyncio.run(made())
    monkeypatch.setenv("DATABASE_URL", cluster.dsn(name))
    said = doctor.durability_risks(tmp_path)
    assert len(said) == told and (not told or "Commits wait for no standby" in said[1])
    asyncio.run(cluster.drop(name))
