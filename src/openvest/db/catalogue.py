"""Which tables and functions stand outside the plain rule of tenants, each in a named list.

The rule: every table leads with the tenant in each of its keys, has forced row-level security with the one policy
`tenant`, and the application role may neither delete nor truncate. What differs stands here and nowhere else; a test
holds the migrated schema to these lists, in both directions.

Source: DOMAIN.md section 4; ARCHITECTURE.md "One process or many".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Literal

INSTALLATION_TABLES: frozenset[str] = frozenset({"installation", "schema_migrations"})
"""What the installation is: equal for every tenant and read-only for the application role, as shared tables are."""

WIRE_TABLES: frozenset[str] = frozenset(
    """
    nonces nonces_0 nonces_1 nonces_2 nonces_3 rate_leases
    credential_directory tenant_directory
    """.split()
)
"""Known before the tenant is: written only through functions of the owner, without any direct grant."""

LOOKUP_POLICIES: Mapping[str, Literal["all", "select"]] = {
    "tenants": "all",  # found_tenant, and the mode and licence beside a token or a client
    "clocks": "all",  # list_clocks, found_tenant, disturb_frozen_clocks
    "instrument_cursors": "all",  # found_tenant
    "api_clients": "select",  # find_client, find_key, find_token, admit_requests
    "client_keys": "select",  # find_key, admit_requests
    "access_tokens": "select",  # find_token, admit_requests
    "event_sets": "select",  # tenants_to_number
    "event_counters": "select",  # webhooks_waiting
    "webhooks": "select",  # webhooks_waiting
    "webhook_packages": "select",  # webhooks_waiting
    "dead_letters": "select",  # hidden_work
}
"""Tables the owner may see past the tenant, and for which commands: what the functions below read or write."""

OWNERS_FUNCTIONS: frozenset[str] = frozenset(
    """
    admit_requests forget_nonces lease_rate
    find_token find_key find_client note_credential forget_credentials
    list_tenants list_clocks tenants_to_number webhooks_waiting hidden_work
    found_installation found_tenant
    """.split()
)
"""Functions that run as the owner (SECURITY DEFINER): each answers one question or makes one thing, by arguments."""

NODE_FUNCTIONS: frozenset[str] = frozenset({"plus_us", "wire_now"})
"""Functions that statements on tables of tenants call: in a distributed database each node must have them."""

APPEND_ONLY: frozenset[str] = frozenset(
    """
    events entries journals
    cash_transactions securities_transactions scenario_uses signing_keys
    """.split()
)
"""The application role inserts into these and never changes a row."""

UPDATED_COLUMNS: Mapping[str, frozenset[str]] = {
    "event_sets": frozenset({"first_number"}),
    "dead_letters": frozenset({"dropped_at", "dropped_by"}),
}
"""Tables of which the application role may change these columns alone."""

DELETABLE: frozenset[str] = frozenset(
    """
    access_tokens idempotency dead_letters list_marks venue_reports webhooks webhook_packages
    """.split()
)
"""Tables whose rows the application role may remove: none of them is a book, an event or an object's history."""


def parents_first(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """Tables in an order in which each comes after those it refers to. Raises: graphlib.CycleError."""
    return list(TopologicalSorter(parents).static_order())
