"""Decisions about checks by hand, in sandboxes only."""

from __future__ import annotations

from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.onboarding import service
from openvest.features.onboarding.v1_checks import CheckView, check_v1

SCOPES = ("tests:admin",)


async def pass_check(unit: Unit, call: Call) -> Json:
    check = await service.pass_check(unit, call.path["user_id"], call.path["check_id"])
    return check_v1(snapshot_of(check))


async def fail_check(unit: Unit, call: Call) -> Json:
    check = await service.fail_check(unit, call.path["user_id"], call.path["check_id"])
    return check_v1(snapshot_of(check))


ENDPOINTS: list[Endpoint] = [
    Endpoint(
        "POST", "/tests/users/{user_id}/checks/{check_id}/pass", "pass_user_check", "Let a check pass", "Tests",
        SCOPES, CheckView, pass_check, errors=(404, 409), sandbox_only=True,
    ),
    Endpoint(
        "POST", "/tests/users/{user_id}/checks/{check_id}/fail", "fail_user_check", "Let a check fail", "Tests",
        SCOPES, CheckView, fail_check, errors=(404, 409), sandbox_only=True,
    ),
]  # fmt: skip
