"""Bugs planted against the gates of money."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

# Both walls at once: alone, the line of a group's orders already keeps two workers from one balance.
_NAIVE = (
    Edit("src/openvest/ledger/store.py", "    limit 1 for no key update) b", "    limit 1) b"),
    Edit(
        "src/openvest/features/orders/sweeps_check.py",
        "    if not claimed or unit.frozen:\n",
        "    if claimed or unit.frozen:\n",
    ),
)

PLANTED = (
    Planted("R13", "unlocked-balances", "balances are read without a lock, then written", _NAIVE),
    Planted("R14", "unlocked-positions", "positions are read without a lock, then written", _NAIVE),
)
