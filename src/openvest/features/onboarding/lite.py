"""The lite contract of onboarding: checks, identifiers, tax residencies, and decisions by hand in sandboxes."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.lite import EventObjectView, event_object
from openvest.declarations import Endpoint, Representation
from openvest.features.onboarding import lite_checks as checks
from openvest.features.onboarding import lite_identifiers as identifiers
from openvest.operations import LITE, TESTS_LITE, Operations

CHECKS = Operations(LITE, "User Checks", "checks")
IDENTIFIERS = Operations(LITE, "User Identifiers", "users")
RESIDENCIES = Operations(LITE, "Tax Residencies", "taxes")

_CHECKS, _IDENTIFIERS = "/users/{user_id}/checks", "/users/{user_id}/identifiers"
_IDENTIFIER, _RESIDENCIES = _IDENTIFIERS + "/{identifier_id}", "/users/{user_id}/tax_residencies"
_CHECK = f"/tests{_CHECKS}/{{check_id}}"

ENDPOINTS: list[Endpoint] = [
    CHECKS.lists(_CHECKS, checks.list_user_checks, checks.UserCheckList),
    CHECKS.creates(
        _CHECKS, checks.create_user_check, checks.UserCheckView, body=checks.UserCheckCreate, errors=(422,),
        addition=True,
    ),
    IDENTIFIERS.lists(_IDENTIFIERS, identifiers.list_user_identifiers, identifiers.UserIdentifierList),
    IDENTIFIERS.creates(
        _IDENTIFIERS, identifiers.create_user_identifier, identifiers.UserIdentifierView,
        body=identifiers.UserIdentifierCreate, errors=(422,),
    ),
    IDENTIFIERS.reads(_IDENTIFIER, identifiers.retrieve_user_identifier, identifiers.UserIdentifierView),
    IDENTIFIERS.changes(
        _IDENTIFIER, identifiers.update_user_identifier, identifiers.UserIdentifierView,
        body=identifiers.UserIdentifierChange, errors=(422,),
    ),
    RESIDENCIES.lists(_RESIDENCIES, identifiers.list_tax_residencies, identifiers.TaxResidencyList),
    RESIDENCIES.creates(
        _RESIDENCIES, identifiers.create_tax_residency, identifiers.TaxResidencyView,
        body=identifiers.TaxResidencyCreate, errors=(422,),
    ),
    TESTS_LITE.acts(f"{_CHECK}/pass", checks.pass_user_check, checks.UserCheckView, errors=(409,)),
    TESTS_LITE.acts(f"{_CHECK}/fail", checks.fail_user_check, checks.UserCheckView, errors=(409,)),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "user check": Representation(event_object("USER_CHECK"), EventObjectView)
}
NAMES = (checks.STATUS,)
