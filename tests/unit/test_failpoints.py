"""Crash points: which there are, who may arm them, when they strike."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from openvest.core import failpoints
from openvest.core.failpoints import Failpoint, UnknownFailpoint, arm, failpoint
from openvest.db.checks import StartRefused
from openvest.db.unit import Database
from openvest.main.environment import read_environment
from openvest.main.failpoints import arm_failpoint, refuse_failpoint, refuse_failpoint_of
from openvest.main.processes import Options, worker
from tests.kit.cluster import Cluster


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Generator[Failpoint]:
    """A place of this test's own."""
    monkeypatch.setattr(failpoints, "_DECLARED", {})
    yield failpoint("test.here")


def test_nothing_happens_where_nothing_is_armed(place: Failpoint) -> None:
    place()
    assert place.end is None


def test_the_nth_hit_strikes_once(place: Failpoint) -> None:
    struck: list[str] = []
    arm("test.here:3", lambda: struck.append("end"))
    for expected in (0, 0, 1, 1):
        place()
        assert len(struck) == expected


def test_a_place_that_serves_many_strikes_for_one_of_them(place: Failpoint) -> None:
    struck: list[str] = []
    arm("test.here@orders.check:2", lambda: struck.append("end"))
    for of, expected in (("orders.check", 0), ("orders.book", 0), ("", 0), ("orders.check", 1), ("orders.check", 1)):
        place(of)
        assert len(struck) == expected


def test_a_process_may_stop_at_a_place_instead(place: Failpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *given: sent.append(given))
    arm_failpoint("pause test.here@orders.check")
    place("orders.check")
    assert sent == [(os.getpid(), signal.SIGSTOP)]


@pytest.mark.parametrize("text", ["test.there", "", "test.here:0", "test.here:x", "test.here:-1", "test.here:²"])
@pytest.mark.usefixtures("place")
def test_what_names_no_hit_is_refused(text: str) -> None:
    with pytest.raises(UnknownFailpoint, match=r"test\.here"):
        arm(text, lambda: None)


@pytest.mark.usefixtures("place")
def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=r"two crash points are called test\.here"):
        failpoint("test.here")


def test_an_unknown_name_is_refused_at_the_start() -> None:
    with pytest.raises(StartRefused, match=r"there is no crash point nowhere; there are .*unit\.before_commit"):
        arm_failpoint("nowhere")
    arm_failpoint(None)


def test_the_environment_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENVEST_FAILPOINT", raising=False)
    assert read_environment(tmp_path).failpoint is None
    monkeypatch.setenv("OPENVEST_FAILPOINT", "unit.before_commit:2")
    assert read_environment(tmp_path).failpoint == "unit.before_commit:2"


async def test_production_is_refused_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENVEST_FAILPOINT", "unit.before_commit")
    refuse_failpoint(None, "production")
    refuse_failpoint("unit.before_commit", "sandbox")
    options = Options(read_environment(tmp_path / "var"), mode="production")
    with pytest.raises(StartRefused, match="Production is not made to crash"):
        await worker(options, lambda *_: None, lambda _: None)
    assert not (tmp_path / "var").exists()


async def test_a_database_of_production_is_known(cluster: Cluster, database: Database) -> None:
    name = await database.pool.fetchval("select current_database()")
    url = cluster.dsn(name)
    await refuse_failpoint_of("unit.before_commit", url)
    await database.pool.execute("select found_installation('1', 'production')")
    await refuse_failpoint_of(None, url)
    with pytest.raises(StartRefused, match="Production is not made to crash"):
        await refuse_failpoint_of("unit.before_commit", url)


async def test_an_empty_database_has_no_mode_yet(cluster: Cluster) -> None:
    name = await cluster.create(template=None)
    try:
        await refuse_failpoint_of("migrations.before_record", cluster.dsn(name))
    finally:
        await cluster.drop(name)
