"""What tests know of tenants and their clients."""

from __future__ import annotations

from tests.kit.sample import Sample

SAMPLE = Sample(
    texts=frozenset({"client_secret", "scope"}),
    no_names=frozenset({"client_secret", "scope"}),
    unkeyed={"POST /auth/token": "a token more is no effect on anything"},
    unscoped={"POST /auth/token": "proves itself by a secret, and gives scopes"},
    whole={"GET /auth/verify_keys keys": "the keys of one tenant, of which there are few"},
    shown_once=frozenset({"AccessToken.access_token", "AccessToken.token_type"}),
    no_rows={"signing_keys": "made with the first package that is told"},
    made_with_tenant=("clocks",),
    refused_changes=("clocks mode = 'reversed'",),
)
