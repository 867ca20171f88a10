"""Ports that do as a test says: a venue that plays a script, prices that move on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from openvest.main import Assembled
from openvest.ports.prices import Imported, Listing, Pace, Quote
from openvest.ports.venue import VenueAnswer, VenueOrder, VenueReport

Step = tuple[str, ...]
"""`("FILL", amount or quantity, price)`, `("CANCELLED",)` or `("REJECTED",)`; `*` is all that was ordered."""


@dataclass
class ScriptedVenue:
    """Plays its steps to every order at its first look, the last one ending it if `ends`; ends an order on request.

    `then` is played to every order after the first; `until` dates the reports; every question is kept in `asked`.
    """

    steps: Sequence[Step] = ()
    ends: bool = True
    until: datetime | None = None
    then: Sequence[Step] | None = None
    asked: list[VenueOrder] = field(default_factory=list[VenueOrder])

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        self.asked += orders
        return [self._cancelled(order) if order.cancel else self._played(order) for order in orders]

    def _cancelled(self, order: VenueOrder) -> VenueAnswer:
        end = VenueReport(order.id, "cancelled", "CANCELLED", order.asked_at, last=True)
        return VenueAnswer(order.id, (end,), None, drop_after=order.asked_at)

    def _played(self, order: VenueOrder) -> VenueAnswer:
        at = self.until or order.asked_at
        steps = self.steps if self.then is None or self.asked[0].id == order.id else self.then
        reports: list[VenueReport] = []
        for place, (kind, *figures) in enumerate(steps):
            last = self.ends and place == len(steps) - 1
            measure = "cash_amount" if order.cash_amount is not None else "quantity"
            fields: dict[str, Any] = {}
            if figures:
                size = order.cash_amount or order.quantity if figures[0] == "*" else Decimal(figures[0])
                fields = {measure: size, "price": Decimal(figures[1])}
            reports.append(VenueReport(order.id, f"step {place}", kind, at, last=last, **fields))  # pyright: ignore[reportArgumentType] - kinds are given by tests
        return VenueAnswer(order.id, tuple(reports), None)


class Deaf(ScriptedVenue):
    """A venue that fills in full what it is asked to end."""

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        return [self._played(order) for order in orders]


@dataclass
class MovedPrices:
    """The prices of another adapter times a factor; everything else of it as it is."""

    inner: Any
    factor: Decimal = Decimal(1)

    def quote(self, listing: Listing, at: datetime, pace: Pace, imported: Imported | None = None) -> Quote | None:
        found: Quote | None = self.inner.quote(listing, at, pace, imported)
        return found and replace(found, bid=found.bid * self.factor, offer=found.offer * self.factor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def script(world: Assembled, *steps: Step, ends: bool = True, until: datetime | None = None) -> ScriptedVenue:
    """Connect a scripted venue."""
    venue = ScriptedVenue(steps, ends, until)
    world.runner.ports = replace(world.runner.ports, venue=venue)
    return venue


def move_prices(world: Assembled, factor: str) -> None:
    """From now on quotes are those of the market times a factor."""
    inner = world.database.prices
    while isinstance(inner, MovedPrices):
        inner = inner.inner
    world.database.prices = MovedPrices(inner, Decimal(factor))
