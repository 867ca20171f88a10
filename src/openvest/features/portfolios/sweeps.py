"""What accounts do to the configurations that they have."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.core.snapshots import Emitted
from openvest.db.unit import Unit
from openvest.declarations import Reaction
from openvest.features.portfolios import service


async def _keep_type(unit: Unit, emitted: Sequence[Emitted]) -> None:
    await service.refuse_to_follow(unit, [event.object_id for event in emitted])


async def _close(unit: Unit, emitted: Sequence[Emitted]) -> None:
    await service.close_portfolios(unit, [event.object_id for event in emitted])


REACTIONS = [Reaction("ACCOUNT.TYPE_CHANGED", _keep_type), Reaction("ACCOUNT.CLOSED", _close)]
