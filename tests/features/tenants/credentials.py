"""What ends a client's credentials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from openvest.db.unit import Unit
from openvest.features.tenants import service as tenants
from tests.kit.http import Api

ENDS: Final[Mapping[str, Callable[[Unit, Api], Awaitable[Any]]]] = {
    "its client was disabled": lambda unit, api: tenants.disable_client(unit, api.client.client_id),
    "its secret was exchanged": lambda unit, api: tenants.rotate_secret(unit, api.client.client_id),
    "its key was removed": lambda unit, api: tenants.remove_key(unit, api.key_id),
}
