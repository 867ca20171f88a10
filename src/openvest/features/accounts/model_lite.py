"""What lite calls the states of groups and accounts: public, because refusals of features above name them too."""

from __future__ import annotations

from typing import Literal

from openvest.core.naming import Names
from openvest.features.accounts import model

Status = Literal["PENDING", "OPEN", "CLOSING", "CLOSED"]
STATUS: Names[model.Status, Status] = Names(
    model.Status,
    Status,
    {"PENDING_APPROVAL": "PENDING", "ACTIVE": "OPEN", "LOCKED": "PENDING", "CLOSING": "CLOSING", "CLOSED": "CLOSED"},
)
