"""Account groups and accounts as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openvest.core.problems import Problem
from openvest.core.schema import Body, Id, Instant, Unused, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.texts import visible_line
from openvest.core.v1 import ByTimesQuery, page_of, page_v1
from openvest.db.paging import page
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, EventName, Representation
from openvest.features.accounts import service, store
from openvest.features.accounts.model import Account, AccountGroup
from openvest.features.users import service as users
from openvest.operations import TESTS, V1, Operations

AccountStatus = Literal["PENDING_APPROVAL", "ACTIVE", "CLOSING", "CLOSED", "LOCKED"]
GroupType = Literal["PERSONAL", "LEGAL_ENTITY", "FRENCH_PEA", "ISA", "CHILD", "JOINT"]
SecuritiesAccountNumber = Annotated[str, Field(pattern="^[0-9]{7,12}$")]
AccountName = Annotated[str, Field(max_length=100), AfterValidator(visible_line)]


class OwnerView(View):
    """A user's relation to a group or an account."""

    id: Id = Field(description="Id of the user.")
    type: Literal["OWNER", "CHILD", "GUARDIAN"] = Field(default="OWNER", description="Kind of relation.")


class AccountGroupCreate(Body):
    """A new account group of a user."""

    user_id: Id = Field(description="The user who will own it.")
    type: GroupType = Field(description="Kind of group; PERSONAL is available now.")
    securities_account_number: Annotated[SecuritiesAccountNumber | None, Unused] = Field(
        default=None, description="The number to use; made where absent."
    )


class AccountGroupView(View):
    """An account group."""

    id: Id = Field(description="Id of the group.")
    created_at: Instant = Field(description="When it was opened.")
    updated_at: Instant = Field(description="When it last changed.")
    users: list[OwnerView] = Field(description="Whose group it is.")
    status: AccountStatus = Field(description="State of the group.")
    type: GroupType = Field(description="Kind of group.")
    securities_account_number: SecuritiesAccountNumber = Field(description="Number of the securities account.")


AccountGroupPage = page_of(AccountGroupView, "account groups")


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


AccountPage = page_of(AccountView, "accounts")


class AccountCreate(Body):
    """A new account in a group."""

    user_id: Id = Field(description="The owner of the group.")
    account_group_id: Id = Field(description="The group it belongs to.")
    type: Literal["TRADING", "PORTFOLIO"] = Field(description="Orders by instrument, or by portfolio.")
    name: Annotated[AccountName | None, Unused] = Field(default=None, description="What to call it.")


class AccountChange(Body):
    """What can change of an account."""

    name: Annotated[AccountName | None, Unused] = Field(default=None, description="Its new name.")


class ClosureQuery(Body):
    """How a group is closed."""

    closure_reason: (
        Literal[
            "dunning", "power_of_attorney", "loss_of_legal_capacity", "aml", "risk_based", "contract_breach",
            "user_initiated",
        ]
        | None
    ) = Field(default=None, description="Why it is closed.")  # fmt: skip
    notification_only: Annotated[bool, Field(strict=False)] = Field(
        default=False, description="Only announce the closure."
    )


def _owners(owned: Snapshot) -> list[Json]:
    return [{"id": owned["user_id"], "type": "OWNER"}]


group_v1 = shown(AccountGroupView, AccountGroup, users=_owners)
account_v1 = shown(AccountView, Account, users=_owners)


async def list_account_groups(unit: Unit, call: Call) -> Json:
    """List account groups."""
    return page_v1(await page(unit, store.GROUPS, call.query.page_request), group_v1)


async def create_account_group(unit: Unit, call: Call) -> Json:
    """Open an account group."""
    body: AccountGroupCreate = call.body
    group = await service.create_account_group(unit, body.user_id, body.type, body.securities_account_number)
    return group_v1(snapshot_of(group))


async def retrieve_account_group(unit: Unit, call: Call) -> Json:
    """Get an account group."""
    return group_v1(snapshot_of(await service.get_account_group(unit, call.path["account_group_id"])))


async def account_group_closure(unit: Unit, call: Call) -> Json:
    """Close an account group."""
    query: ClosureQuery = call.query
    group_id, only_told = call.path["account_group_id"], query.notification_only
    await service.close_account_group(unit, group_id, reason=query.closure_reason, notification_only=only_told)


async def list_user_account_groups(unit: Unit, call: Call) -> Json:
    """List the account groups of a user."""
    user = await users.get_user(unit, call.path["user_id"])
    return page_v1(await page(unit, store.GROUPS, call.query.page_request, {"user_id": user.id}), group_v1)


async def list_accounts(unit: Unit, call: Call) -> Json:
    """List accounts."""
    return page_v1(await page(unit, store.ACCOUNTS, call.query.page_request), account_v1)


async def create_account(unit: Unit, call: Call) -> Json:
    """Open an account."""
    body: AccountCreate = call.body
    account = await service.create_account(unit, body.user_id, body.account_group_id, body.type, body.name)
    return account_v1(snapshot_of(account))


async def retrieve_account(unit: Unit, calls: Sequence[Call]) -> Sequence[Json]:
    """Get an account."""
    found = await service.find_accounts(unit, [call.path["account_id"] for call in calls])
    return [one if isinstance(one, Problem) else account_v1(snapshot_of(one)) for one in found]


async def update_account(unit: Unit, call: Call) -> Json:
    """Rename an account."""
    body: AccountChange = call.body
    return account_v1(snapshot_of(await service.rename_account(unit, call.path["account_id"], body.name)))


async def account_closure(unit: Unit, call: Call) -> Json:
    """Close an account."""
    await service.close_account(unit, call.path["account_id"])


async def list_user_accounts(unit: Unit, call: Call) -> Json:
    """List the accounts of a user."""
    user = await users.get_user(unit, call.path["user_id"])
    return page_v1(await page(unit, store.ACCOUNTS, call.query.page_request, {"user_id": user.id}), account_v1)


async def lock_account(unit: Unit, call: Call) -> Json:
    """Lock an account."""
    return account_v1(snapshot_of(await service.lock_account(unit, call.path["account_id"])))


async def unlock_account(unit: Unit, call: Call) -> Json:
    """Unlock an account."""
    return account_v1(snapshot_of(await service.unlock_account(unit, call.path["account_id"])))


ACCOUNTS = Operations(V1, "Accounts", "accounts")
OF_A_USER = Operations(V1, "Users", "accounts")
_GROUP, _ACCOUNT = "/account_groups/{account_group_id}", "/accounts/{account_id}"

ENDPOINTS: list[Endpoint] = [
    ACCOUNTS.lists("/account_groups", list_account_groups, AccountGroupPage, query=ByTimesQuery),
    ACCOUNTS.creates(
        "/account_groups", create_account_group, AccountGroupView, body=AccountGroupCreate, errors=(404, 422)
    ),
    ACCOUNTS.reads(_GROUP, retrieve_account_group, AccountGroupView),
    ACCOUNTS.deletes(_GROUP, account_group_closure, query=ClosureQuery, status=202, errors=(409,)),
    OF_A_USER.lists("/users/{user_id}/account_groups", list_user_account_groups, AccountGroupPage, query=ByTimesQuery),
    ACCOUNTS.lists("/accounts", list_accounts, AccountPage, query=ByTimesQuery),
    ACCOUNTS.creates("/accounts", create_account, AccountView, body=AccountCreate, errors=(404, 422)),
    ACCOUNTS.reads(_ACCOUNT, answer=AccountView, batch=retrieve_account),
    ACCOUNTS.changes(_ACCOUNT, update_account, AccountView, body=AccountChange, errors=(409,)),
    ACCOUNTS.deletes(_ACCOUNT, account_closure, status=202, errors=(409,)),
    OF_A_USER.lists("/users/{user_id}/accounts", list_user_accounts, AccountPage, query=ByTimesQuery),
    TESTS.acts(f"/tests{_ACCOUNT}/lock", lock_account, AccountView, errors=(409,)),
    TESTS.acts(f"/tests{_ACCOUNT}/unlock", unlock_account, AccountView, errors=(409,)),
]

TOLD: Mapping[str, EventName] = {"ACCOUNT.TYPE_CHANGED": "ACCOUNT.UPDATED"}
REPRESENTATIONS: Mapping[str, Representation] = {
    "account group": Representation(group_v1, AccountGroupView),
    "account": Representation(account_v1, AccountView),
}
