"""The v1 contract of onboarding: checks, identifiers, tax residencies, and decisions by hand in sandboxes."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.declarations import Endpoint, Representation
from openvest.features.onboarding import v1_checks as checks
from openvest.features.onboarding import v1_identifiers as identifiers
from openvest.operations import TESTS, V1, Operations

CHECKS = Operations(V1, "Users", "checks")
USERS = Operations(V1, "Users", "users")
TAXES = Operations(V1, "Taxes", "taxes")

_CHECKS, _IDENTIFIERS = "/users/{user_id}/checks", "/users/{user_id}/identifiers"
_CHECK, _IDENTIFIER = _CHECKS + "/{check_id}", _IDENTIFIERS + "/{identifier_id}"
_RESIDENCIES = "/users/{user_id}/tax_residencies"

ENDPOINTS: list[Endpoint] = [
    CHECKS.lists(_CHECKS, checks.list_user_checks, checks.CheckListView, query=checks.CheckQuery),
    CHECKS.creates(
        _CHECKS, checks.create_user_check, checks.CheckAcceptedView, body=checks.CheckCreate, status=202,
        key_required=False, errors=(422,),
    ),
    CHECKS.reads(_CHECK, checks.retrieve_user_check, checks.CheckView),
    USERS.lists(_IDENTIFIERS, identifiers.list_user_identifiers, identifiers.IdentifierListView),
    USERS.creates(
        _IDENTIFIERS, identifiers.create_identifier, identifiers.IdentifierView, body=identifiers.IdentifierCreate,
        key_required=False, errors=(422,),
    ),
    USERS.reads(_IDENTIFIER, identifiers.retrieve_identifier, identifiers.IdentifierView),
    USERS.changes(
        _IDENTIFIER, identifiers.update_identifier, identifiers.IdentifierView, body=identifiers.IdentifierChange,
        errors=(422,),
    ),
    TAXES.reads(_RESIDENCIES, identifiers.retrieve_tax_residencies, identifiers.TaxResidenciesView, errors=(405,)),
    TAXES.creates(
        _RESIDENCIES, identifiers.set_tax_residencies, identifiers.TaxResidenciesView,
        body=identifiers.TaxResidenciesCreate, errors=(422,),
    ),
    TESTS.acts(f"/tests{_CHECK}/pass", checks.pass_user_check, checks.CheckView, errors=(409,)),
    TESTS.acts(f"/tests{_CHECK}/fail", checks.fail_user_check, checks.CheckView, errors=(409,)),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {"user check": Representation(checks.check_v1, checks.CheckView)}
