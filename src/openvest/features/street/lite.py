"""The street is the house's own business: lite does not show it."""

from __future__ import annotations

from openvest.declarations import Endpoint, Representation

ENDPOINTS: list[Endpoint] = []
REPRESENTATIONS: dict[str, Representation] = {}
