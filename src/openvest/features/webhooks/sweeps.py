"""Webhooks have no work in business time: packing and sending follow the wall clock and are the worker's."""

from __future__ import annotations

from openvest.core.declarations import Outward, Reaction, Sweep

SWEEPS: list[Sweep | Outward] = []
REACTIONS: list[Reaction] = []
