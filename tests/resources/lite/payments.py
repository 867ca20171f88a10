"""Top-ups as a throwaway lite shows them: its own names, codes, pages and limits over the same domain."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openvest.core.contracts import RULES
from openvest.core.paging import PageParameters, number_or
from openvest.core.schema import Body, Id, Instant, PaymentAmount, View
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.payments import service
from openvest.features.payments.model import NewTopup, Topup, TopupStatus
from openvest.operations import LITE, Operations

PAGE = RULES["lite"].page

State = Literal["PROCESSING", "COMPLETED", "FAILED"]
STATES: Mapping[TopupStatus, State] = {"CONFIRMED": "PROCESSING", "SETTLED": "COMPLETED", "CANCELLED": "FAILED"}


def _above_zero(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("is above zero")
    return value


class TopupCreate(Body):
    """Money to be credited now and wired later."""

    account_group_id: Id = Field(description="The account group to credit.")
    cash_amount: Annotated[PaymentAmount, AfterValidator(_above_zero)] = Field(description="How much to credit.")
    currency: Literal["EUR", "GBP"] = Field(description="Currency of the amount.")


class TopupView(View):
    """A top-up. Its name is taken in v1, which is another description."""

    id: Id = Field(description="Id of the top-up.")
    account_group_id: Id = Field(description="The account group that was credited.")
    cash_amount: PaymentAmount = Field(description="How much was credited.")
    currency: Literal["EUR", "GBP"] = Field(description="Currency of the amount.")
    state: State = Field(description="Whether the wire is still to come.")
    updated_at: Instant = Field(description="When it changed last.")


class MetaView(View):
    """How much of a list this page is."""

    offset: int = Field(description="Items skipped before the first of this page.")
    limit: int = Field(description="Most items this page could hold.")
    count: int = Field(description="Items in this page.")
    total: int = Field(description="Items of the whole list.")


class TopupPage(View):
    """A page of top-ups."""

    data: list[TopupView] = Field(description="The top-ups of this page.")
    meta: MetaView = Field(description="Which part of the list this is.")


class TopupQuery(PageParameters):
    """Which part of the list is wanted."""

    limit: Annotated[int, number_or(PAGE.default)] = Field(
        default=PAGE.default, ge=PAGE.least, le=PAGE.most, description="Most items to return."
    )


topup_lite = shown(TopupView, Topup, state=lambda topup: STATES[topup["status"]])
_new_topup = filled(NewTopup, TopupCreate)


async def list_topups(unit: Unit, call: Call) -> Json:
    """List top-ups."""
    found = await service.list_topups(unit, call.query.page_request, call.path["account_group_id"])
    items = [topup_lite(snapshot_of(topup)) for topup in found.rows]
    meta = {"offset": found.offset, "limit": found.limit, "count": len(items), "total": found.total}
    return {"data": items, "meta": meta}


async def create_topup(unit: Unit, call: Call) -> Json:
    """Create a top-up."""
    return topup_lite(snapshot_of(await service.create_topup(unit, _new_topup(call.body))))


async def get_topup(unit: Unit, call: Call) -> Json:
    """Get a top-up."""
    return topup_lite(snapshot_of(await service.get_topup(unit, call.path["topup_id"])))


async def cancel_topup(unit: Unit, call: Call) -> Json:
    """Cancel a top-up."""
    await service.cancel_topup(unit, call.path["topup_id"])


TOPUPS = Operations(LITE, "Payments", "topups")

ENDPOINTS: list[Endpoint] = [
    TOPUPS.lists("/account_groups/{account_group_id}/payments/topups", list_topups, TopupPage, query=TopupQuery),
    TOPUPS.creates("/payments/topups", create_topup, TopupView, body=TopupCreate, errors=(404, 422)),
    TOPUPS.reads("/payments/topups/{topup_id}", get_topup, TopupView),
    TOPUPS.deletes("/payments/topups/{topup_id}", cancel_topup, errors=(422,)),
]
REPRESENTATIONS: dict[str, Representation] = {"top-up": Representation(topup_lite, TopupView)}
