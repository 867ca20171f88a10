"""The street is the house's own business: neither contract shows it, and no event tells of it."""

from __future__ import annotations

from openvest.declarations import Endpoint

ENDPOINTS: list[Endpoint] = []
