"""What a process remembers of the rows that belong to no tenant, told apart from what has changed since.

A unit that saw how new these are when it opened (`Opened.master`) reads those alone that no such unit has read before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from openvest.db.unit import Unit

K = TypeVar("K")
V = TypeVar("V")

_MOST = 20_000


async def remembered(
    unit: Unit, kind: str, wanted: set[K], load: Callable[[Unit, set[K]], Awaitable[dict[K, V]]]
) -> dict[K, V]:
    """The known ones among these. Why never remembered where absent: it may be there the next moment."""
    master = unit.opened.master
    if master is None:
        return await load(unit, wanted)
    as_of, known = unit.database.remembered.get(kind, (None, {}))
    if as_of != master or len(known) > _MOST:
        known = dict[K, V]()
        unit.database.remembered[kind] = master, known
    if missing := wanted - known.keys():
        known.update(await load(unit, missing))
    return {one: known[one] for one in wanted if one in known}
