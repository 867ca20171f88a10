"""The limits of a session fit each other: what ends first is what is at fault."""

from __future__ import annotations

import asyncpg
import pytest

from openvest.db.connections import COMMAND_SECONDS, STATED
from openvest.db.unit import DatabaseDown, Unit
from openvest.main import Assembled
from tests.kit.elsewhere import elsewhere
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio


def seconds(name: str) -> int:
    number, unit = STATED[name][:-1], STATED[name][-1]
    assert unit == "s"
    return int(number)


def test_whoever_was_stopped_loses_its_locks_before_anybody_gives_up_waiting() -> None:
    """And there is time left for those before one in the line; a lock may be waited for and a statement still work."""
    idle, lock, statement = map(seconds, ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout"))
    assert 2 * idle <= lock and 2 * lock <= statement and 2 * statement <= COMMAND_SECONDS


def test_a_unit_that_is_slow_but_alive_is_never_taken_for_a_stopped_one() -> None:
    """A process waits for nothing between two statements; seconds are for a machine that is busy beyond measure."""
    assert seconds("idle_in_transaction_session_timeout") >= 5


async def test_a_stopped_holder_is_ended_and_those_who_wait_go_on(assembled: Assembled) -> None:
    """With limits a tenth as long: the one who waits is not told of a timeout, the one who slept loses its unit."""
    database = assembled.database
    tenant_id = await make_tenant(database, "Live")
    waits = "select from clocks where tenant_id = $1 for update"

    async def limits(unit: Unit) -> None:
        for name in ("idle_in_transaction_session_timeout", "lock_timeout"):
            await unit.connection.execute(f"set local {name} = '{seconds(name) * 100}ms'")
        await unit.connection.execute(waits, unit.tenant_id)

    async def sleeps(unit: Unit) -> None:
        await limits(unit)
        await elsewhere(database.write(tenant_id, limits, n=0))

    with pytest.raises((DatabaseDown, asyncpg.IdleInTransactionSessionTimeoutError)):
        await database.write(tenant_id, sleeps, n=0)
