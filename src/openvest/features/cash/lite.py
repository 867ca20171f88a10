"""Lite serves nothing of cash yet."""

from __future__ import annotations

from openvest.declarations import Endpoint, Representation

ENDPOINTS: list[Endpoint] = []
REPRESENTATIONS: dict[str, Representation] = {}
