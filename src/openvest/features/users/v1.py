"""The v1 contract of users, put together from its nouns."""

from __future__ import annotations

from openvest.core.declarations import Endpoint, Event
from openvest.features.users import v1_checks, v1_identifiers, v1_tests, v1_users

ENDPOINTS: list[Endpoint] = [
    *v1_users.ENDPOINTS,
    *v1_checks.ENDPOINTS,
    *v1_identifiers.ENDPOINTS,
    *v1_tests.ENDPOINTS,
]

EVENTS: list[Event] = [*v1_users.EVENTS, *v1_checks.EVENTS]
