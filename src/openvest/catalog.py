"""The one list of features: what each declares, put together in the order the features stand in.

The composition root reads it; nothing is found by scanning.
"""

from __future__ import annotations

from collections.abc import Sequence

from openvest.core.declarations import Endpoint, Event, Outward, Reaction, Sweep
from openvest.db.unit import Hook
from openvest.ledger.posting import write_house

V1_ENDPOINTS: Sequence[Endpoint] = ()
"""Operations of the signed contract."""

EVENTS: Sequence[Event] = ()
"""Every event type, with the mapper of each contract."""

WORKS: Sequence[Sweep | Outward] = ()
"""Sweeps and outward steps. The order is the order in which work due at one instant is done: price, expiry,
settlement (ORDER_MATHS section 5)."""

REACTIONS: Sequence[Reaction] = ()
"""Work in the unit of an event of a feature below."""

PUBLISHERS: Sequence[Hook] = ()
"""Hooks at the end of a unit that may still emit events: touched balances and positions."""

CLOSERS: Sequence[Hook] = (write_house,)
"""Hooks after the events: the house's hot rows, last."""
