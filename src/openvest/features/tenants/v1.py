"""Tokens and verification keys as v1 shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openvest.core.problems import Unauthorised
from openvest.core.schema import Body, Id, View
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.tenants import rules, service
from openvest.features.tenants.service_calls import WebKeysView, verify_keys_shown
from openvest.operations import V1, Operations

TOKENS = Operations(V1, "Access Tokens", "", writers=())
"""Whoever asks for a token has none yet, so no scope is asked for."""
WEBHOOKS = Operations(V1, "Webhooks", "webhooks")


class TokenRequest(Body):
    """A request for an access token, as a form."""

    client_id: Id = Field(description="The client that asks.")
    client_secret: Annotated[str, Field(min_length=1, max_length=1000)] = Field(description="The client's secret.")
    grant_type: Literal["client_credentials"] = Field(description="The one grant there is.")
    scope: Annotated[str, Field(max_length=1000, pattern=r"[^ ]")] = Field(
        description="Wanted scopes, separated by blanks."
    )


class AccessTokenView(View):
    """A fresh access token."""

    access_token: Annotated[str, Field(max_length=1000)] = Field(description="Opaque; goes into the bearer header.")
    expires_in: int = Field(description="Seconds until the token ends.")
    token_type: Literal["bearer"] = Field(description="How the token is sent.")
    scope: Annotated[str, Field(max_length=1000)] = Field(description="What the token permits, separated by blanks.")


def token_endpoint(lifetime_seconds: int) -> Endpoint:
    """The token request with another lifetime than the usual. Units: seconds."""

    async def issue_token(unit: Unit, call: Call) -> Json:
        """Get an access token."""
        asked: TokenRequest = call.body
        if asked.client_id != call.caller.client_id:
            raise Unauthorised
        scopes = asked.scope.split()
        token = await service.issue_token(unit, asked.client_id, asked.client_secret, scopes, lifetime_seconds)
        return {
            "access_token": token.access_token,
            "expires_in": token.expires_in,
            "token_type": "bearer",
            "scope": " ".join(token.scopes),
        }

    return TOKENS.creates(
        "/auth/token",
        issue_token,
        AccessTokenView,
        body=TokenRequest,
        form=True,
        key_required=False,
        advances_clock=False,
        errors=(403,),
        headers={"Cache-Control": "no-store", "Pragma": "no-cache"},  # RFC 6749, 5.1: no cache may keep a token
    )


async def get_jwks(unit: Unit, call: Call) -> Json:
    """List the keys that sign webhooks."""
    return await verify_keys_shown(unit)


ENDPOINTS: list[Endpoint] = [
    token_endpoint(rules.TOKEN_LIFETIME_SECONDS),
    WEBHOOKS.lists("/auth/verify_keys", get_jwks, WebKeysView),
]
