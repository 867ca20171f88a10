"""Account groups and accounts as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openvest.core.problems import Problem
from openvest.core.schema import Body, Id, Instant, Unused, View
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.texts import visible_line
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.paging import page
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service, store, v1_tests
from openvest.features.accounts.v1_schemas import AccountStatus, AccountView, GroupType, OwnerView, account_v1
from openvest.features.users import service as users

READ, ADMIN = ("accounts:read", "accounts:admin"), ("accounts:admin",)
SecuritiesAccountNumber = Annotated[str, Field(pattern="^[0-9]{7,12}$")]
AccountName = Annotated[str, Field(max_length=100), AfterValidator(visible_line)]


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


class AccountQuery(PageQuery):
    """Parameters of lists of groups and accounts."""

    sort: Literal["created_at", "updated_at"] = Field(default="created_at", description="Field to order by.")


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


def group_v1(group: Snapshot) -> Json:
    shown = {name: group[name] for name in ("id", "created_at", "updated_at", "status", "type")}
    owner = {"id": group["user_id"], "type": "OWNER"}
    return {**shown, "users": [owner], "securities_account_number": group["securities_account_number"]}


async def create_account_group(unit: Unit, call: Call) -> Json:
    body: AccountGroupCreate = call.body
    group = await service.create_account_group(unit, body.user_id, body.type, body.securities_account_number)
    return group_v1(snapshot_of(group))


async def list_account_groups(unit: Unit, call: Call) -> Json:
    found = await page(unit, store.GROUPS, call.query.page_request)
    return page_v1(found, [group_v1(snapshot_of(row)) for row in found.rows])


async def list_user_account_groups(unit: Unit, call: Call) -> Json:
    user = await users.get_user(unit, call.path["user_id"])
    found = await page(unit, store.GROUPS, call.query.page_request, {"user_id": user.id})
    return page_v1(found, [group_v1(snapshot_of(row)) for row in found.rows])


async def retrieve_account_group(unit: Unit, call: Call) -> Json:
    return group_v1(snapshot_of(await service.get_account_group(unit, call.path["account_group_id"])))


async def account_group_closure(unit: Unit, call: Call) -> Json:
    query: ClosureQuery = call.query
    await service.close_account_group(
        unit,
        call.path["account_group_id"],
        reason=query.closure_reason,
        notification_only=query.notification_only,
    )
    return None


async def create_account(unit: Unit, call: Call) -> Json:
    body: AccountCreate = call.body
    account = await service.create_account(unit, body.user_id, body.account_group_id, body.type, body.name)
    return account_v1(snapshot_of(account))


async def list_accounts(unit: Unit, call: Call) -> Json:
    found = await page(unit, store.ACCOUNTS, call.query.page_request)
    return page_v1(found, [account_v1(snapshot_of(row)) for row in found.rows])


async def list_user_accounts(unit: Unit, call: Call) -> Json:
    user = await users.get_user(unit, call.path["user_id"])
    found = await page(unit, store.ACCOUNTS, call.query.page_request, {"user_id": user.id})
    return page_v1(found, [account_v1(snapshot_of(row)) for row in found.rows])


async def retrieve_accounts(unit: Unit, calls: Sequence[Call]) -> Sequence[Json]:
    found = await service.find_accounts(unit, [call.path["account_id"] for call in calls])
    return [one if isinstance(one, Problem) else account_v1(snapshot_of(one)) for one in found]


async def update_account(unit: Unit, call: Call) -> Json:
    body: AccountChange = call.body
    return account_v1(snapshot_of(await service.rename_account(unit, call.path["account_id"], body.name)))


async def account_closure(unit: Unit, call: Call) -> Json:
    await service.close_account(unit, call.path["account_id"])
    return None


_GROUP, _ACCOUNT = "/account_groups/{account_group_id}", "/accounts/{account_id}"

ENDPOINTS: list[Endpoint] = [
    Endpoint(
        "GET", "/account_groups", "list_account_groups", "List account groups", "Accounts", READ, AccountGroupPage,
        list_account_groups, query=AccountQuery, errors=(400,),
    ),
    Endpoint(
        "POST", "/account_groups", "create_account_group", "Open an account group", "Accounts", ADMIN, AccountGroupView,
        create_account_group, body=AccountGroupCreate, key_required=True, errors=(400, 404, 422),
    ),
    Endpoint(
        "GET", _GROUP, "retrieve_account_group", "Get an account group", "Accounts", READ, AccountGroupView,
        retrieve_account_group, errors=(404,),
    ),
    Endpoint(
        "DELETE", _GROUP, "account_group_closure", "Close an account group", "Accounts", ADMIN, None,
        account_group_closure, query=ClosureQuery, status=202, errors=(400, 404, 409),
    ),
    Endpoint(
        "GET", "/users/{user_id}/account_groups", "list_user_account_groups", "List the account groups of a user",
        "Users", READ, AccountGroupPage, list_user_account_groups, query=AccountQuery, errors=(400, 404),
    ),
    Endpoint(
        "GET", "/accounts", "list_accounts", "List accounts", "Accounts", READ, AccountPage, list_accounts,
        query=AccountQuery, errors=(400,),
    ),
    Endpoint(
        "POST", "/accounts", "create_account", "Open an account", "Accounts", ADMIN, AccountView, create_account,
        body=AccountCreate, key_required=True, errors=(400, 404, 422),
    ),
    Endpoint(
        "GET", _ACCOUNT, "retrieve_account", "Get an account", "Accounts", READ, AccountView,
        batch=retrieve_accounts, errors=(404,),
    ),
    Endpoint(
        "PATCH", _ACCOUNT, "update_account", "Rename an account", "Accounts", ADMIN, AccountView, update_account,
        body=AccountChange, errors=(400, 404, 409),
    ),
    Endpoint(
        "DELETE", _ACCOUNT, "account_closure", "Close an account", "Accounts", ADMIN, None, account_closure,
        status=202, errors=(404, 409),
    ),
    Endpoint(
        "GET", "/users/{user_id}/accounts", "list_user_accounts", "List the accounts of a user", "Users", READ,
        AccountPage, list_user_accounts, query=AccountQuery, errors=(400, 404),
    ),
    *v1_tests.ENDPOINTS,
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "account group": Representation(group_v1, AccountGroupView),
    "account": Representation(account_v1, AccountView),
}
