"""Top-ups as lite shows them, which its reference does not have."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.lite import PageQuery, page_lite, page_of, words_called
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts.model_lite import STATUS
from openvest.features.payments import service, service_calls
from openvest.features.payments.service_calls import (
    TopupCreate,
    TopupView,
    cancel_topup,
    retrieve_topup,
    topup_shown,
)
from openvest.operations import LITE, Operations

TopupPage = page_of(TopupView, "top-ups")


async def list_topups(unit: Unit, call: Call) -> Json:
    """List the top-ups of an account group."""
    found = await service.list_topups(unit, call.query.page_request, call.path["account_group_id"])
    return page_lite(found, topup_shown)


async def create_topup(unit: Unit, call: Call) -> Json:
    """Credit an account group now with money that is wired later."""
    with words_called(STATUS):
        return await service_calls.create_topup(unit, call)


TOPUPS = Operations(LITE, "Top-ups", "topups", readers=("admin", "read"), addition=True)

ENDPOINTS: list[Endpoint] = [
    TOPUPS.lists("/account_groups/{account_group_id}/payments/topups", list_topups, TopupPage, query=PageQuery),
    TOPUPS.creates("/payments/topups", create_topup, TopupView, body=TopupCreate, errors=(404, 409, 422)),
    TOPUPS.reads("/payments/topups/{topup_id}", retrieve_topup, TopupView),
    TOPUPS.deletes("/payments/topups/{topup_id}", cancel_topup, errors=(422,)),
]

REPRESENTATIONS: Mapping[str, Representation] = {}
UNTOLD: Mapping[str, str] = {
    f"TOPUP.{name}": "lite has no category for top-ups; the balance they change is told"
    for name in ("CONFIRMED", "SETTLED", "CANCELLED")
}
