"""Deliverers killed at random while endpoints answer anything: every event arrives, first arrivals in order."""

from __future__ import annotations

from uuid import UUID

import pytest

from openvest.db.unit import Database
from tests.faults.doomed import campaign

pytestmark = pytest.mark.anyio

SEED = 20261121


async def test_every_event_arrives_and_first_arrivals_are_in_order(database: Database, tenant_id: UUID) -> None:
    told = await campaign(database, tenant_id, SEED, kills=25, events_per_kill=4)
    assert told.findings == [], f"seed {SEED}"
    assert told.repeated > 0, "nobody died at the wrong moment, so nothing was shown"
