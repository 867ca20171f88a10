"""An account as v1 shows it, and what accounts and groups share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openvest.core.schema import Id, Instant, View
from openvest.core.snapshots import Json, Snapshot

AccountStatus = Literal["PENDING_APPROVAL", "ACTIVE", "CLOSING", "CLOSED", "LOCKED"]
GroupType = Literal["PERSONAL", "LEGAL_ENTITY", "FRENCH_PEA", "ISA", "CHILD", "JOINT"]


class OwnerView(View):
    """A user's relation to a group or an account."""

    id: Id = Field(description="Id of the user.")
    type: Literal["OWNER", "CHILD", "GUARDIAN"] = Field(default="OWNER", description="Kind of relation.")


class AccountView(View):
    """An account."""

    id: Id = Field(description="Id of the account.")
    created_at: Instant = Field(description="When it was opened.")
    updated_at: Instant = Field(description="When it last changed.")
    account_group_id: Id = Field(description="The group it belongs to.")
    type: Literal["TRADING", "PORTFOLIO"] = Field(description="Orders by instrument, or by portfolio.")
    users: list[OwnerView] = Field(description="Whose account it is.")
    account_number: Annotated[int, Field(ge=1)] = Field(description="Counts the accounts of the group.")
    name: Annotated[str, Field(max_length=100)] = Field(description="What it is called.")
    status: AccountStatus = Field(description="State of the account.")


def account_v1(account: Snapshot) -> Json:
    names = ("id", "created_at", "updated_at", "account_group_id", "type", "account_number", "name", "status")
    return {**{name: account[name] for name in names}, "users": [{"id": account["user_id"], "type": "OWNER"}]}
