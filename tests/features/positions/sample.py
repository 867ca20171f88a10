"""What tests know of positions and transactions of securities."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from openvest.db.unit import Unit
from openvest.features.instruments import service as instruments
from openvest.ledger.chart import balance_id, units_of
from tests.kit.orders import X
from tests.kit.sample import Life, Sample


async def _a_position_to_come(life: Life) -> Mapping[str, str]:
    """Of the instrument that the life's order buys, later than this."""

    async def look(unit: Unit) -> UUID:
        found = await instruments.by_isin(unit, [X])
        return balance_id(UUID(life.ids["account_id"]), units_of(found[X].id))

    return {"position_id": str(await life.world.database.read(life.tenant_id, look))}


SAMPLE = Sample(
    objects=_a_position_to_come,
    whole={"lite GET /accounts/{account_id}/positions data": "the contract gives it no pages"},
    takes_any={
        "GET /transactions/securities query account_group_id": "a filter: an empty list",
        "GET /transactions/securities query account_id": "a filter: an empty list",
    },
)
