"""The v1 contract of onboarding, put together from its nouns."""

from __future__ import annotations

from openvest.declarations import Endpoint, Event
from openvest.features.onboarding import v1_checks, v1_identifiers, v1_tests

ENDPOINTS: list[Endpoint] = [*v1_checks.ENDPOINTS, *v1_identifiers.ENDPOINTS, *v1_tests.ENDPOINTS]

EVENTS: list[Event] = [*v1_checks.EVENTS]
