"""Lite serves nothing of webhooks yet."""

from __future__ import annotations

from openvest.declarations import Endpoint, Representation

ENDPOINTS: list[Endpoint] = []
REPRESENTATIONS: dict[str, Representation] = {}
