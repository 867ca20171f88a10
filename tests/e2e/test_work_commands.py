"""`openvest work`, and everybody else who tells of a row that cannot be decided, on a served sandbox."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from openvest.core.sealing import Secrets
from openvest.db.address import read_address
from openvest.db.embedded import ADDRESS_FILE
from openvest.db.unit import DatabaseDown
from openvest.features.bank.model import PARTIES
from openvest.main import Assembled, figures
from openvest.main.installation import KEY_FILE
from openvest.server.metrics import Metrics, make_metrics_app
from tests.e2e.serving import Cli, Serving, wait_until

PLANT = """
insert into bank_lines (tenant_id, id, external_id, created_at, due_at, ordinal, kind, status, amount, currency,
                        booking_on, value_on, end_to_end_id, transaction_code, remittance_information, sealed_parties)
select tenant_id, $1, $2, wire_now(), wire_now(), 0, 'CREDIT', 'RECEIVED', 'NaN', 'EUR', current_date,
       current_date, '', '', 'Erika Beispiel', $3 from tenants where name = 'sandbox'
"""
REPAIR = "update bank_lines set amount = 12.34 where id = $1"
STATE = "select status from bank_lines where id = $1"


def as_superuser(served: Serving, statement: str, *values: object) -> Any:
    async def work() -> Any:
        address = read_address(served.data_dir / ADDRESS_FILE)
        connection = await asyncpg.connect(address.superuser_dsn("openvest"))
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    return asyncio.run(work())


@pytest.fixture
def spoilt(served: Serving) -> Generator[UUID]:
    """A bank line of no number, found by the worker that runs; repaired and booked at the end."""
    line = uuid4()
    sealed = Secrets(bytes.fromhex((served.data_dir / KEY_FILE).read_text())).seal(b"{}", PARTIES.place(id=line))
    as_superuser(served, PLANT, line, str(line), sealed)
    yield line
    as_superuser(served, REPAIR, line)
    as_superuser(served, "delete from dead_letters where row_id = $1", line)
    wait_until(lambda: as_superuser(served, STATE, line) == "UNMATCHED", 20)


def test_a_row_that_cannot_be_decided_is_seen_everywhere_and_freed_once_it_is_repaired(
    there: Cli, served: Serving, spoilt: UUID
) -> None:
    wait_until(lambda: f'"row":"{spoilt}"' in served.log, 20)
    logged = next(line for line in served.log.splitlines() if str(spoilt) in line)
    facts = json.loads(logged)
    assert (facts["event"], facts["work"]) == ("work.dead_letter", "bank.book") and "Erika" not in logged
    status, said, failed = there("doctor")
    assert status == 1 and re.search(r"✘ 1 of bank.book set aside, since", said) and "openvest work list" in failed
    status, said, _ = there("ledger", "prove")
    assert status == 1 and "no_open_work_is_hidden" in said and str(spoilt) in said
    assert "bank line" in there("work", "list")[1]
    (row,) = json.loads(there("work", "list", "--json")[1])
    assert (row["row_id"], row["sweep"], row["state"]) == (str(spoilt), "bank.book", "waiting")

    status, said, failed = there("work", "retry", str(uuid4()), str(spoilt))
    assert status == 1 and said == "1 row will be tried again\n" and "was not set aside" in failed
    wait_until(lambda: served.log.count(f'"row":"{spoilt}"') == 2, 20)

    as_superuser(served, REPAIR, spoilt)
    assert there("work", "retry", "--all", "--work", "bank.book") == (0, "1 row will be tried again\n", "")
    wait_until(lambda: as_superuser(served, STATE, spoilt) == "UNMATCHED", 20)
    assert there("work", "list") == (0, "nothing was set aside\n", "")
    assert there("ledger", "prove")[0] == 0 and there("doctor")[0] == 0


def test_what_cannot_be_dropped_now_says_why(there: Cli, served: Serving, spoilt: UUID) -> None:
    wait_until(lambda: f'"row":"{spoilt}"' in served.log, 20)
    as_superuser(served, REPAIR, spoilt)
    assert there("work", "drop", str(spoilt), "--by", "A. Operator") == (0, "1 row dropped\n", "")
    (row,) = json.loads(there("work", "list", "--json")[1])
    assert (row["dropped_by"], row["state"]) == ("A. Operator", "dropped")
    assert there("doctor")[0] == 0 and there("ledger", "prove")[0] == 0


def test_naming_nothing_or_too_much_is_refused(there: Cli) -> None:
    assert there("work", "retry")[0] == 1
    assert "not both" in there("work", "retry", "--all", str(uuid4()))[2]
    assert there("work", "drop")[0] == 1


@pytest.mark.anyio
async def test_the_metric_counts_what_waits_for_somebody(assembled: Assembled, tenant_id: UUID) -> None:
    async def look() -> str:
        installation = cast(Any, SimpleNamespace(assembled=assembled, mode="sandbox"))
        app = make_metrics_app(Metrics(), asked=figures.asked_of(installation))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://metrics.test") as http:
            return (await http.get("/metrics")).text

    assert 'openvest_work_dead_letters{work="orders.check"} 0.0' in await look()
    insert = "insert into dead_letters values ($1, 'orders.check', gen_random_uuid(), 'E', wire_now())"
    await assembled.database.write(tenant_id, lambda unit: unit.connection.execute(insert, tenant_id), n=0)
    assert 'openvest_work_dead_letters{work="orders.check"} 1.0' in await look()
    with patch.object(figures, "hidden_work", side_effect=DatabaseDown("gone")):
        assert "openvest_requests" in (text := await look()) and "dead_letters" not in text
