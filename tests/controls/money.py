"""Bugs planted against the gates of money."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

# All walls at once: the line of a group's orders keeps two workers from one balance, and of two units that publish the
# same version of a balance the second is refused.
_NAIVE = (
    Edit("src/openvest/ledger/store.py", "    limit 1 for no key update) b", "    limit 1) b"),
    Edit(
        "src/openvest/features/orders/sweeps_check.py",
        "    if not claimed or unit.frozen:\n",
        "    if claimed or unit.frozen:\n",
    ),
    Edit("migrations/0002_create_events.sql", "  unique (tenant_id, object_id, object_version, type),\n", ""),
)

PLANTED = (
    Planted(
        "R13",
        "unlocked-balances",
        "balances are read without a lock, then written",
        _NAIVE,
        {"attempts": 2_000, "money_for": 500},
    ),
    Planted(
        "R14",
        "unlocked-positions",
        "positions are read without a lock, then written",
        _NAIVE,
        {"attempts": 600, "units_for": 213},
    ),
)
