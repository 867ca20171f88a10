"""Top-ups as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from openvest.core.snapshots import Json
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.payments import service
from openvest.features.payments.service_calls import (
    TopupCreate,
    TopupView,
    cancel_topup,
    create_topup,
    retrieve_topup,
    topup_shown,
)
from openvest.operations import V1, Operations

TopupPage = page_of(TopupView, "top-ups")


class TopupQuery(PageQuery):
    """Order of top-ups."""

    sort: Literal["id", "created_at"] = Field(default="created_at", description="Field to order by.")


async def list_topups(unit: Unit, call: Call) -> Json:
    """List the top-ups of an account group."""
    found = await service.list_topups(unit, call.query.page_request, call.path["account_group_id"])
    return page_v1(found, topup_shown)


TOPUPS = Operations(V1, "Top-ups", "topups", readers=("admin", "read"))

ENDPOINTS: list[Endpoint] = [
    TOPUPS.lists("/account_groups/{account_group_id}/payments/topups", list_topups, TopupPage, query=TopupQuery),
    TOPUPS.creates("/payments/topups", create_topup, TopupView, body=TopupCreate, errors=(404, 409, 422)),
    TOPUPS.reads("/payments/topups/{topup_id}", retrieve_topup, TopupView),
    TOPUPS.deletes("/payments/topups/{topup_id}", cancel_topup, errors=(422,)),
]

REPRESENTATIONS: Mapping[str, Representation] = {"top-up": Representation(topup_shown, TopupView)}
