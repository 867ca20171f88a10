"""What positions refuse."""

from __future__ import annotations

from openvest.core.problems import NotFound


class NoPosition(NotFound):
    """The account has never had this instrument, or there is no such instrument."""
