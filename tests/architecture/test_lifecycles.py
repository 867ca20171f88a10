"""Every lifecycle table knows exactly the states that the CHECK of its column knows."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from openvest.catalog import LIFECYCLES
from openvest.core.lifecycle import Lifecycle
from openvest.db.unit import Database

pytestmark = pytest.mark.anyio

_CHECKS = """
select pg_get_constraintdef(c.oid) from pg_constraint c
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
 where c.conrelid = $1::text::regclass and c.contype = 'c' and a.attname = $2 and cardinality(c.conkey) = 1
"""


async def test_states_are_those_of_the_column(database: Database) -> None:
    tables = LIFECYCLES
    assert {"users.status", "user_checks.status", "accounts.status"} <= {life.table for life in tables}
    async with database.connection() as connection:
        for life in tables:
            table, _, column = life.table.partition(".")
            checks = [
                text for (text,) in await connection.fetch(_CHECKS, table, column) if "ARRAY" in text or "=" in text
            ]
            assert len(checks) == 1, f"{life.table} has {len(checks)} CHECKs of its own"
            assert set(re.findall(r"'([^']+)'::text", checks[0])) == life.states, life.table


def without_way_out(lives: Iterable[Lifecycle]) -> list[str]:
    """States in which an object would stay for ever although they are no end."""
    return [
        f"a {life.noun} that is {state} has no way out, and that is no end"
        for life in lives
        for state in sorted(life.states - life.ends - {before for before, _ in life.moves})
    ]


def test_every_state_that_is_no_end_has_a_way_out() -> None:
    assert without_way_out(LIFECYCLES) == []
    held = Lifecycle("gift", "gifts.status", ("NEW",), frozenset({"GIVEN"}), {("NEW", "hold"): "HELD"})
    assert without_way_out([held]) == ["a gift that is HELD has no way out, and that is no end"]


def test_every_state_can_be_reached_and_only_ends_end() -> None:
    for life in LIFECYCLES:
        reached = set(life.born)
        while True:
            more = {after for (before, _), after in life.moves.items() if before in reached} - reached
            if not more:
                break
            reached |= more
        assert reached == life.states, f"{life.noun}: {sorted(life.states - reached)} cannot be reached"
        assert not any(before in life.ends for before, _ in life.moves), f"{life.noun} goes on after its end"
