"""The v1 contract of onboarding, put together from its nouns."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.declarations import Endpoint, Representation
from openvest.features.onboarding import v1_checks, v1_identifiers, v1_tests

ENDPOINTS: list[Endpoint] = [*v1_checks.ENDPOINTS, *v1_identifiers.ENDPOINTS, *v1_tests.ENDPOINTS]

REPRESENTATIONS: Mapping[str, Representation] = {"user check": Representation(v1_checks.check_v1, v1_checks.CheckView)}
