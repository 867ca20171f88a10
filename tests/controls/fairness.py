"""Bugs planted against the gates of `tests.gates.fairness`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_LOOP = "src/openvest/worker/loop.py"
_DELIVERIES = "src/openvest/worker/deliveries.py"
_SETTINGS = "src/openvest/server/settings.py"

PLANTED: tuple[Planted, ...] = (
    Planted(
        "advances",
        "advances-among-the-work",
        "who advances takes the places of those whose clock runs",
        (
            Edit(
                _LOOP,
                "            self.advancing.poke(tenant_id)\n        elif",
                "            await self._advance(tenant_id)\n        elif",
            ),
            Edit(_LOOP, "(self.working if state.done else self.advancing).poke", "self.working.poke"),
            Edit(_LOOP, "ADVANCE_SECONDS = 2\n", "ADVANCE_SECONDS = 5\n"),
        ),
        {"orders": 8},
    ),
    Planted(
        "dead",
        "slow-ones-keep-their-places",
        "endpoints that do not answer hold the places of those that would",
        (
            Edit(_DELIVERIES, "\nYOUNG_SECONDS = 0.25\n", "\nYOUNG_SECONDS = 60\n"),
            Edit(_DELIVERIES, "Way(package.attempts > 0, monotonic_ns())", "Way(False, monotonic_ns())"),
        ),
    ),
    Planted(
        "lists",
        "lists-take-every-connection",
        "a tenant may hold every connection",
        (Edit(_SETTINGS, "    list_places: int = 1\n", "    list_places: int = 1000\n"),),
        {"reads": 20, "rows": 200},
    ),
)
