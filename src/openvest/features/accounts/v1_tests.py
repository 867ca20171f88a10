"""What compliance does to accounts, by hand, in sandboxes only."""

from __future__ import annotations

from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.accounts import service
from openvest.features.accounts.v1_schemas import AccountView, account_v1

SCOPES = ("tests:admin",)


async def lock_account(unit: Unit, call: Call) -> Json:
    return account_v1(snapshot_of(await service.lock_account(unit, call.path["account_id"])))


async def unlock_account(unit: Unit, call: Call) -> Json:
    return account_v1(snapshot_of(await service.unlock_account(unit, call.path["account_id"])))


ENDPOINTS: list[Endpoint] = [
    Endpoint(
        "POST", "/tests/accounts/{account_id}/lock", "lock_account", "Lock an account", "Tests", SCOPES, AccountView,
        lock_account, errors=(404, 409), sandbox_only=True,
    ),
    Endpoint(
        "POST", "/tests/accounts/{account_id}/unlock", "unlock_account", "Unlock an account", "Tests", SCOPES,
        AccountView, unlock_account, errors=(404, 409), sandbox_only=True,
    ),
]  # fmt: skip
