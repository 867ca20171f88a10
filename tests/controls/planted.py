"""The one list of planted bugs: those of the twin of each module of gates."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from tests.controls.planting import Planted
from tests.gates.catalog import MODULES

PLANTED: Sequence[Planted] = tuple(
    planted for name in MODULES for planted in import_module(f"tests.controls.{name}").PLANTED
)
