"""Account groups and accounts as lite shows them. What locks an account, and lifts the lock, stands in v1 alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.lite import EventObjectView, PageQuery, event_object, page_lite, page_of, words_called
from openvest.core.problems import Problem
from openvest.core.schema import Body, Id, Instant, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.paging import page
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, EventName, Representation
from openvest.features.accounts import service, store
from openvest.features.accounts.model import Account, AccountGroup, AccountType
from openvest.features.accounts.model_lite import STATUS, Status
from openvest.features.users import service as users
from openvest.operations import LITE, Operations

NAMES = (STATUS,)


class AccountGroupCreate(Body):
    """A new account group of a user, of type PERSONAL."""

    user_id: Id = Field(description="The user who will own it.")


class AccountGroupView(View):
    """An account group: the owner of cash."""

    id: Id = Field(description="Id of the group.")
    user_id: Id = Field(description="The user who owns it.")
    type: Literal["PERSONAL"] = Field(description="Kind of group.")
    status: Status = Field(description="State of the group.")
    securities_account_number: Annotated[str, Field(pattern="^[0-9]{7,12}$")] = Field(
        description="Number of the securities account."
    )
    created_at: Instant = Field(description="When it was opened.")
    updated_at: Instant = Field(description="When it last changed.")


class AccountCreate(Body):
    """A new account in a group."""

    user_id: Id = Field(description="The owner of the group.")
    account_group_id: Id = Field(description="The group it belongs to.")
    type: AccountType = Field(default="TRADING", description="Orders by instrument, or by portfolio.")


class AccountChange(Body):
    """What can change of an account."""

    type: AccountType | None = Field(default=None, description="Orders by instrument, or by portfolio.")


class AccountView(View):
    """An account."""

    id: Id = Field(description="Id of the account.")
    user_id: Id = Field(description="The user who owns it.")
    account_group_id: Id = Field(description="The group it belongs to.")
    type: AccountType = Field(description="Orders by instrument, or by portfolio.")
    status: Status = Field(description="PENDING while its owner is, and while it is locked.")
    created_at: Instant = Field(description="When it was opened.")
    updated_at: Instant = Field(description="When it last changed.")


AccountGroupPage = page_of(AccountGroupView, "account groups")
AccountPage = page_of(AccountView, "accounts")

group_lite = shown(AccountGroupView, AccountGroup, status=lambda group: STATUS[group["status"]])
account_lite = shown(AccountView, Account, status=lambda account: STATUS[account["status"]])


async def list_account_groups(unit: Unit, call: Call) -> Json:
    """List account groups."""
    return page_lite(await page(unit, store.GROUPS, call.query.page_request), group_lite)


async def create_account_group(unit: Unit, call: Call) -> Json:
    """Open an account group."""
    body: AccountGroupCreate = call.body
    return group_lite(snapshot_of(await service.create_account_group(unit, body.user_id, "PERSONAL")))


async def retrieve_account_group(unit: Unit, call: Call) -> Json:
    """Get an account group."""
    return group_lite(snapshot_of(await service.get_account_group(unit, call.path["account_group_id"])))


async def close_account_group(unit: Unit, call: Call) -> Json:
    """Close an account group."""
    with words_called(STATUS):
        await service.close_account_group(unit, call.path["account_group_id"])


async def list_accounts(unit: Unit, call: Call) -> Json:
    """List accounts."""
    return page_lite(await page(unit, store.ACCOUNTS, call.query.page_request), account_lite)


async def create_account(unit: Unit, call: Call) -> Json:
    """Open an account."""
    body: AccountCreate = call.body
    with words_called(STATUS):
        account = await service.create_account(unit, body.user_id, body.account_group_id, body.type)
    return account_lite(snapshot_of(account))


async def retrieve_account(unit: Unit, calls: Sequence[Call]) -> Sequence[Json]:
    """Get an account."""
    found = await service.find_accounts(unit, [call.path["account_id"] for call in calls])
    return [one if isinstance(one, Problem) else account_lite(snapshot_of(one)) for one in found]


async def update_account(unit: Unit, call: Call) -> Json:
    """Change the type of an account that was never used."""
    body: AccountChange = call.body
    account_id = call.path["account_id"]
    if body.type is None:
        return account_lite(snapshot_of(await service.get_account(unit, account_id)))
    with words_called(STATUS):
        return account_lite(snapshot_of(await service.change_type(unit, account_id, body.type)))


async def close_account(unit: Unit, call: Call) -> Json:
    """Close an account."""
    with words_called(STATUS):
        await service.close_account(unit, call.path["account_id"])


async def list_user_accounts(unit: Unit, call: Call) -> Json:
    """List the accounts of a user."""
    user = await users.get_user(unit, call.path["user_id"])
    return page_lite(await page(unit, store.ACCOUNTS, call.query.page_request, {"user_id": user.id}), account_lite)


ACCOUNTS = Operations(LITE, "Accounts", "accounts")
GROUPS = Operations(LITE, "Accounts", "accounts", addition=True)
_GROUP, _ACCOUNT = "/account_groups/{account_group_id}", "/accounts/{account_id}"

ENDPOINTS: list[Endpoint] = [
    GROUPS.lists("/account_groups", list_account_groups, AccountGroupPage, query=PageQuery),
    GROUPS.creates(
        "/account_groups", create_account_group, AccountGroupView, body=AccountGroupCreate, errors=(404, 422)
    ),
    GROUPS.reads(_GROUP, retrieve_account_group, AccountGroupView),
    GROUPS.deletes(_GROUP, close_account_group, errors=(409,)),
    ACCOUNTS.lists("/accounts", list_accounts, AccountPage, query=PageQuery),
    ACCOUNTS.creates("/accounts", create_account, AccountView, body=AccountCreate, errors=(404, 422)),
    ACCOUNTS.reads(_ACCOUNT, answer=AccountView, batch=retrieve_account),
    ACCOUNTS.changes(_ACCOUNT, update_account, AccountView, body=AccountChange, errors=(409,)),
    ACCOUNTS.deletes(_ACCOUNT, close_account, errors=(409,)),
    ACCOUNTS.lists("/users/{user_id}/accounts", list_user_accounts, AccountPage, query=PageQuery),
]

REPRESENTATIONS: Mapping[str, Representation] = {
    "account group": Representation(event_object("ACCOUNT_GROUP"), EventObjectView),
    "account": Representation(event_object("ACCOUNT"), EventObjectView),
}
_TOLD = {"ACTIVATED": "OPENED", "LOCKED": "UPDATED", "CLOSING_INITIATED": "UPDATED"}
TOLD: Mapping[str, EventName] = {
    **{f"{noun}.{name}": f"{noun}.{told}" for noun in ("ACCOUNT_GROUP", "ACCOUNT") for name, told in _TOLD.items()},
    "ACCOUNT.TYPE_CHANGED": "ACCOUNT.UPDATED",
}
