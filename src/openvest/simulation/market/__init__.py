"""The simulated market.

`Market` answers as the prices port does; `first_trigger` says when and at what price a street order is filled along the
points it gives. Where a price comes from, at the pace `calendar`: imported rows on the days that have some, else the
sandbox's fixed table, else a path of integer ticks made from the seed, which goes on from the last imported close. At
the pace `instant` there are no sessions: the fixed table, and 100/100 for everything else.

Source: DOMAIN.md section 7; ORDER_MATHS.md sections 4 and 5; reference (sandbox).
"""

from openvest.simulation.market.market import Market
from openvest.simulation.market.trigger import OrderKind, StreetOrder, Trigger, first_trigger

__all__ = ["Market", "OrderKind", "StreetOrder", "Trigger", "first_trigger"]
