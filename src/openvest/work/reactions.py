"""Reactions: what a feature does in the unit of an event of a feature below."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.db.unit import Hook, Unit
from openvest.declarations import Reaction


def reacting(reactions: Sequence[Reaction]) -> Hook:
    """The hook that runs these at the end of a unit, in their order, until none of them emits anything new."""

    async def react(unit: Unit) -> None:
        seen = 0
        while seen < unit.event_count:
            since, seen = seen, unit.event_count
            for reaction in reactions:
                events = unit.emitted(reaction.event_type, since, seen)
                if events:
                    await reaction.run(unit, events)

    return react
