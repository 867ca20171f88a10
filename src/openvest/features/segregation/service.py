"""Verbs of segregation: say what must be at the bank, and when it was seen to last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from openvest.db.unit import Unit
from openvest.features.segregation import store
from openvest.features.segregation.model import Requirement


@dataclass(frozen=True, slots=True)
class Standing:
    """What must be at the bank now, by currency, and the last day on which the house made up the difference."""

    done_on: date | None
    requirements: tuple[Requirement, ...]


async def requirements(unit: Unit) -> list[Requirement]:
    """What must be at the bank, and is, by currency; of one instant."""
    return await unit.rows(store.REQUIREMENTS, unit.tenant_id)


async def standing(unit: Unit) -> Standing:
    """How client money stands."""
    last = await unit.row(store.BY_TENANT, unit.tenant_id)
    return Standing(None if last is None else last.done_on, tuple(await requirements(unit)))
