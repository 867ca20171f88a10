"""The one list of features: what each declares, put together in the order the features stand in.

The composition root reads it; nothing is found by scanning.
"""

from __future__ import annotations

from collections.abc import Sequence

from openvest.core.declarations import Endpoint, Event, Outward, Reaction, Sweep
from openvest.db.unit import Hook
from openvest.features.accounts import sweeps as accounts_sweeps
from openvest.features.accounts import v1 as accounts_v1
from openvest.features.users import sweeps as users_sweeps
from openvest.features.users import v1 as users_v1
from openvest.ledger.posting import write_house

V1_ENDPOINTS: Sequence[Endpoint] = (
    *users_v1.ENDPOINTS,
    *accounts_v1.ENDPOINTS,
)
"""Operations of the signed contract."""

EVENTS: Sequence[Event] = (
    *users_v1.EVENTS,
    *accounts_v1.EVENTS,
)
"""Every event type, with the mapper of each contract."""

WORKS: Sequence[Sweep | Outward] = (
    *users_sweeps.SWEEPS,
    *accounts_sweeps.SWEEPS,
)
"""Sweeps and outward steps. The order is the order in which work due at one instant is done: price, expiry,
settlement (ORDER_MATHS section 5)."""

REACTIONS: Sequence[Reaction] = (
    *users_sweeps.REACTIONS,
    *accounts_sweeps.REACTIONS,
)
"""Work in the unit of an event of a feature below."""

PUBLISHERS: Sequence[Hook] = ()
"""Hooks at the end of a unit that may still emit events: touched balances and positions."""

CLOSERS: Sequence[Hook] = (write_house,)
"""Hooks after the events: the house's hot rows, last."""
