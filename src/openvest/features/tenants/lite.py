"""Tokens as lite shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openvest.core.problems import Unauthorised
from openvest.core.schema import Body, Id, View
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.tenants import rules, service
from openvest.features.tenants.service_calls import WebKeysView, verify_keys_shown
from openvest.operations import LITE, Operations


class TokenRequest(Body):
    """A request for an access token, as a form."""

    grant_type: Literal["client_credentials"] = Field(description="The one grant there is.")
    client_id: Id = Field(description="The client that asks.")
    client_secret: Annotated[str, Field(min_length=1, max_length=1000)] = Field(description="The client's secret.")
    scope: Annotated[str, Field(max_length=1000, pattern=r"[^ ]")] = Field(
        description="Wanted scopes, separated by blanks."
    )


class AccessTokenView(View):
    """A fresh access token."""

    access_token: Annotated[str, Field(max_length=1000)] = Field(description="Opaque; goes into the bearer header.")
    token_type: Literal["bearer"] = Field(description="How the token is sent.")
    expires_in: int = Field(description="Seconds until the token ends.")
    scope: Annotated[str, Field(max_length=1000)] = Field(description="What the token permits, separated by blanks.")


async def create_access_token(unit: Unit, call: Call) -> Json:
    """Create an access token."""
    asked: TokenRequest = call.body
    if asked.client_id != call.caller.client_id:
        raise Unauthorised
    lifetime = rules.TOKEN_LIFETIME_SECONDS
    token = await service.issue_token(unit, asked.client_id, asked.client_secret, asked.scope.split(), lifetime)
    return {
        "access_token": token.access_token,
        "token_type": "bearer",
        "expires_in": token.expires_in,
        "scope": " ".join(token.scopes),
    }


async def list_verify_keys(unit: Unit, call: Call) -> Json:
    """List the keys that sign webhooks."""
    return await verify_keys_shown(unit)


TOKENS = Operations(LITE, "Authentication", "", writers=())
WEBHOOKS = Operations(LITE, "Webhook Subscriptions", "webhooks")

ENDPOINTS: list[Endpoint] = [
    TOKENS.acts(
        "/auth/token", create_access_token, AccessTokenView, body=TokenRequest, form=True, advances_clock=False,
        errors=(403,), headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
    ),
    WEBHOOKS.lists("/auth/verify_keys", list_verify_keys, WebKeysView, addition=True),
]  # fmt: skip
REPRESENTATIONS: dict[str, Representation] = {}
