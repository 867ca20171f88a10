"""The outside world of a system that no adapter was connected to: nobody answers, so everything waits.

Why: in production nothing may be simulated; an order or a check that waits is told apart from one that was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from openvest.ports.bank import BankAnswer, Instruction
from openvest.ports.identity import CheckRequest, CheckResult
from openvest.ports.venue import VenueAnswer, VenueOrder

AGAIN = timedelta(minutes=1)


class UnconnectedVenue:
    """Says nothing about any order; the question is put again in a minute."""

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        return [VenueAnswer(order.id, (), order.asked_at + AGAIN) for order in orders]


class UnconnectedIdentity:
    """Leaves out every question."""

    async def check(self, requests: Sequence[CheckRequest]) -> Sequence[CheckResult]:
        return []


class UnconnectedBank:
    """Takes no instruction; they leave by file (`openvest bank export`)."""

    async def send(self, instructions: Sequence[Instruction]) -> Sequence[BankAnswer]:
        return []
