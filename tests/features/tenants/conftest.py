"""The application of tests/contract, over throw-away endpoints and the tenants feature, and a client of it."""

from __future__ import annotations

from tests.contract.conftest import api, app, log

__all__ = ["api", "app", "log"]
