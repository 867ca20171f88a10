"""One tenant with a receiver and a deliverer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from openvest.db.unit import Database
from tests.kit.receiver import receiving
from tests.kit.webhooks import WebhookWorld, make_world


@pytest.fixture
async def world(database: Database, tenant_id: UUID) -> AsyncGenerator[WebhookWorld]:
    async with receiving() as receiver:
        made = await make_world(database, tenant_id, receiver)
        yield made
        await made.deliverer.sender.close()
