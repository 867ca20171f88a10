"""Lite serves nothing of accounts yet."""

from __future__ import annotations

from openvest.declarations import Endpoint, Representation

ENDPOINTS: list[Endpoint] = []
REPRESENTATIONS: dict[str, Representation] = {}
