"""Bugs planted against the gates of `tests.gates.replies`."""

from __future__ import annotations

from tests.controls.planting import Planted

PLANTED: tuple[Planted, ...] = ()
