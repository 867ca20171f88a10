"""Work that the database or the machine would not let through: when it is tried again, and who hears of it.

Each work of each tenant waits for itself, a little longer every time, and never longer than LONGEST_SECONDS: what
stands still for one holds up no other. What is kept here is of this process alone and lost with it, which only means
that the next process tries at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from openvest.core.clock import monotonic_ns

FIRST_SECONDS, LONGEST_SECONDS = 0.25, 8.0
_SECOND = 1_000_000_000


class Ear(Protocol):
    """Who is told of work that did not come through."""

    def dead_letter(self, tenant_id: UUID, work: str, row_id: UUID, error: BaseException) -> None:
        """A row cannot be decided; it stays out until somebody has looked."""
        ...

    def put_off(self, tenant_id: UUID, work: str, error: BaseException, seconds: float) -> None:
        """The database or the machine was at fault; the work is tried again after so many seconds."""
        ...


class Nobody:
    """Hears nothing: operator commands and tests that do not listen."""

    def dead_letter(self, tenant_id: UUID, work: str, row_id: UUID, error: BaseException) -> None:
        """Not heard."""

    def put_off(self, tenant_id: UUID, work: str, error: BaseException, seconds: float) -> None:
        """Not heard."""


def pause_after(times: int, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> float:
    """How long to wait after so many failures in a row, the first being 1. Units: seconds."""
    return min(first * 2 ** min(times - 1, 16), longest)


@dataclass(slots=True)
class Setbacks:
    """How often each work of each tenant has failed in a row, and until when it rests."""

    _known: dict[tuple[UUID, str], tuple[int, int]] = field(default_factory=dict[tuple[UUID, str], tuple[int, int]])

    def rests(self, tenant_id: UUID, work: str) -> bool:
        known = self._known.get((tenant_id, work))
        return known is not None and monotonic_ns() < known[1]

    def add(self, tenant_id: UUID, work: str) -> float:
        """One more failure. Returns for how many seconds the work rests."""
        times = self._known.get((tenant_id, work), (0, 0))[0] + 1
        seconds = pause_after(times)
        self._known[tenant_id, work] = (times, monotonic_ns() + int(seconds * _SECOND))
        return seconds

    def forget(self, tenant_id: UUID, work: str) -> None:
        """It came through."""
        self._known.pop((tenant_id, work), None)
