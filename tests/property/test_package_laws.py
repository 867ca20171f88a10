"""Laws of packages: nothing lost, nothing twice, in order, as large as allowed and no larger than need be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvest.core.ids import deterministic_id
from openvest.core.schema import View
from openvest.db.unit import Unit
from openvest.declarations import Representation
from openvest.events.log import LoggedEvent
from openvest.events.packages import LOOK_LIMIT, EventReader, Run, collect, wants
from openvest.events.telling import Tellings, telling

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 2, tzinfo=UTC)
WEBHOOK = deterministic_id("webhook")
TYPES = ["USER.CREATED", "ORDER.NEW", "ORDER.FILLED", "POSITION.UPDATED"]
SHOWN = Representation(lambda snapshot: snapshot, View)
TOLD: Tellings = {name: telling(name, SHOWN) for name in TYPES if name != "ORDER.FILLED"}


class ListReader(EventReader):
    """A reader over a list; `chunk` events at a time."""

    def __init__(self, events: Sequence[LoggedEvent], chunk: int) -> None:
        super().__init__(cast(Unit, None), {"v1": TOLD})
        self._all = events
        self._chunk = chunk

    async def after(self, sequence: int) -> Sequence[LoggedEvent]:
        return self._all[sequence : sequence + self._chunk]


def logged(sequence: int, kind: str, size: int, seconds: int) -> LoggedEvent:
    snapshot = {"n": sequence, "text": "x" * size}
    at = START + timedelta(seconds=seconds)
    return LoggedEvent(
        sequence, deterministic_id("event", sequence), kind, deterministic_id("thing"), sequence, at, snapshot
    )


EVENTS = st.lists(
    st.tuples(st.sampled_from(TYPES), st.integers(0, 400), st.integers(0, 5)), min_size=0, max_size=40
).map(lambda rows: [logged(number, *row) for number, row in enumerate(rows, 1)])


async def all_packages(
    events: Sequence[LoggedEvent], chunk: int, types: Sequence[str], excluded: Sequence[str], max_size: int
) -> list[Run]:
    runs: list[Run] = []
    cursor, reader = 0, ListReader(events, chunk)
    while True:
        run = await collect(
            reader, cursor, contract="v1", webhook_id=WEBHOOK, types=types, excluded=excluded, max_size=max_size
        )
        if run.scanned_to == cursor:
            return runs
        assert run.scanned_to > cursor
        cursor = run.scanned_to
        if run.items:
            runs.append(run)


@settings(max_examples=300, deadline=None)
@given(
    events=EVENTS,
    chunk=st.integers(1, 7),
    types=st.sampled_from([["ALL"], ["ORDER"], ["USER", "POSITION"], ["TOPUP"]]),
    excluded=st.sampled_from([[], ["ORDER"], ["USER", "POSITION", "ORDER"]]),
    max_size=st.integers(100, 2_000),
)
async def test_packages_are_the_wanted_events_cut_only_where_the_next_would_not_fit(
    events: list[LoggedEvent], chunk: int, types: list[str], excluded: list[str], max_size: int
) -> None:
    runs = await all_packages(events, chunk, types, excluded, max_size)
    expected = [e.sequence for e in events if e.type in TOLD and wants(types, excluded, e.type.partition(".")[0])]
    assert [item.sequence for run in runs for item in run.items] == expected
    for number, run in enumerate(runs, 1):
        assert len(run.body) == run.size
        assert run.size <= max_size or len(run.items) == 1
        payload: list[dict[str, Any]] = json.loads(run.body)["payload"]
        assert {UUID(event["webhook_id"]) for event in payload} == {WEBHOOK}
        placed = [(event["created_at"], event["object"]["n"]) for event in payload]
        assert placed == sorted(placed)
        if number < len(runs):
            assert run.full
            assert run.size + 1 + len(runs[number].items[0].text) > max_size


async def test_a_look_reads_no_more_than_its_limit() -> None:
    far = 3 * LOOK_LIMIT
    events = [logged(n, "ORDER.NEW" if n != 2 and n != far else "USER.CREATED", 0, 0) for n in range(1, far + 1)]
    runs = await all_packages(events, 500, ["USER"], [], 100_000)
    assert [[item.sequence for item in run.items] for run in runs] == [[2], [far]]
    run = await collect(
        ListReader(events, 500), 0, contract="v1", webhook_id=WEBHOOK, types=["USER"], excluded=[], max_size=100_000
    )
    assert (run.scanned_to, run.full) == (LOOK_LIMIT, True)
