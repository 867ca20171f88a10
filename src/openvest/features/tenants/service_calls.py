"""The keys that sign webhooks, as both contracts show them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openvest.core.schema import Id, View
from openvest.core.signing_keys import jwk_of_p521
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.features.tenants import service


class WebKeyView(View):
    """The public half of a key that signs webhooks."""

    kid: Id = Field(description="Id of the key, named by the signatures made with it.")
    kty: Literal["EC"] = Field(description="Family of the key.")
    crv: Literal["P-521"] = Field(description="Curve of the key.")
    x: str = Field(description="First coordinate: 66 bytes, base64url without padding.")
    y: str = Field(description="Second coordinate, like the first.")


class WebKeysView(View):
    """All keys that a webhook may be signed with now."""

    keys: list[WebKeyView] = Field(description="Newest first; a signature names its key.")


async def verify_keys_shown(unit: Unit) -> Json:
    """Every key that a webhook may be signed with now, as a JSON Web Key Set."""
    return {"keys": [jwk_of_p521(key.public_key, str(key.id)) for key in await service.verify_keys(unit)]}
