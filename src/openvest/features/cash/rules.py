"""What cash refuses."""

from __future__ import annotations

from openvest.core.problems import NotFound


class NoBalance(NotFound):
    """Nothing was ever booked to this group in this currency."""
