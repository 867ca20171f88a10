"""The work that is due about instruments: telling each tenant what imports changed, from its own cursor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Sweep, WorkKept
from openvest.features.instruments import store


async def claim_changes(unit: Unit, limit: int) -> Sequence[store.Change]:
    """The next changes of one import.

    Why of one: how many units there are, and so how far a frozen clock ticks, must not depend on whether a drain came
    between two imports.
    """
    rows = await unit.rows(store.CLAIM_CHANGES, unit.tenant_id, limit)
    return list(takewhile(lambda row: row.imported_at == rows[0].imported_at, rows))


async def tell_changes(unit: Unit, rows: Sequence[store.Change]) -> None:
    """Events of these changes, and the cursor behind them. Writes: instrument_cursors."""
    at = unit.moment_after(rows[0].told_at)
    for row in rows:
        for event_type in row.types:
            unit.emit(event_type, row.id, row.version, at, row.snapshot)
    await unit.run(store.MOVE_TOLD, unit.tenant_id, rows[-1].sequence, at)


SWEEPS: list[Sweep] = [
    Sweep("instruments.tell", claim_changes, tell_changes, store.CHANGES_DUE, Phase.NEWS),
]


async def _tell_what_was_passed_over(unit: Unit, instrument_id: UUID) -> None:
    """The newest change that the cursor has gone past: it shows all that earlier ones changed. Writes: events."""
    for row in await unit.rows(store.PASSED_OVER, unit.tenant_id, instrument_id):
        for event_type in row.types:
            unit.emit(event_type, row.id, row.version, unit.moment_after(row.told_at), row.snapshot)


async def _keep(unit: Unit, instrument_id: UUID) -> None:
    raise WorkKept("all later news of this instrument wait behind it; repair the cause and retry it")


DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "instruments.tell",
        "news of an instrument",
        "instruments t where t.id = a.row_id",
        _keep,
        again=_tell_what_was_passed_over,
    ),
]
