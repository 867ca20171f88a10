"""Lite serves nothing of payments yet."""

from __future__ import annotations

from openvest.declarations import Endpoint, Representation

ENDPOINTS: list[Endpoint] = []
REPRESENTATIONS: dict[str, Representation] = {}
