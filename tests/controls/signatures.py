"""Bugs planted against the gates of `tests.gates.signatures`."""

from __future__ import annotations

from tests.controls.planting import Planted

PLANTED: tuple[Planted, ...] = ()
