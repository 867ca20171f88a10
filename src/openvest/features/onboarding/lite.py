"""The lite contract of onboarding: checks, and decisions by hand in sandboxes."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.lite import EventObjectView, event_object
from openvest.declarations import Endpoint, Representation
from openvest.features.onboarding import lite_checks as checks
from openvest.operations import LITE, TESTS_LITE, Operations

CHECKS = Operations(LITE, "User Checks", "checks")

_CHECKS = "/users/{user_id}/checks"
_CHECK = f"/tests{_CHECKS}/{{check_id}}"

ENDPOINTS: list[Endpoint] = [
    CHECKS.lists(_CHECKS, checks.list_user_checks, checks.UserCheckList),
    CHECKS.creates(
        _CHECKS, checks.create_user_check, checks.UserCheckView, body=checks.UserCheckCreate, errors=(422,),
        addition=True,
    ),
    TESTS_LITE.acts(f"{_CHECK}/pass", checks.pass_user_check, checks.UserCheckView, errors=(409,)),
    TESTS_LITE.acts(f"{_CHECK}/fail", checks.fail_user_check, checks.UserCheckView, errors=(409,)),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "user check": Representation(event_object("USER_CHECK"), EventObjectView)
}
NAMES = (checks.STATUS,)
