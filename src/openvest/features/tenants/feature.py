"""The feature of tenants: client firms of the installation, and who may speak for them."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.tenants import lite, model, v1

FEATURE = Feature(
    "tenants",
    v1=Face(v1.ENDPOINTS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS),
    tables=(
        "access_tokens",
        "api_clients",
        "client_keys",
        "clocks",
        "credential_directory",
        "signing_keys",
        "tenant_directory",
        "tenants",
    ),
    sealed=(model.PRIVATE_KEY,),
)
