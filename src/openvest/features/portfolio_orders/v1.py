"""Portfolio orders as v1 takes and shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.problems import FieldError
from openvest.core.schema import (
    Body,
    Day,
    DryRunQuery,
    Id,
    Instant,
    Isin,
    PaymentAmount,
    UnsignedCash,
    UnsignedDecimal,
    Unused,
    View,
)
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.executions.model import Side
from openvest.features.orders.model import OrderStatus
from openvest.features.portfolio_orders import rules, service
from openvest.features.portfolio_orders.model import (
    CancellationReason,
    NewPortfolioOrder,
    PortfolioOrder,
    PreviewedOrder,
    Status,
)
from openvest.operations import V1, Operations


class PortfolioOrderCreate(Body):
    """An amount to put into a portfolio, or to take out of it."""

    user_id: Id = Field(description="The owner of the account.")
    account_id: Id = Field(description="An account that follows an allocation.")
    cash_amount: PaymentAmount = Field(description="How much money to trade for, above zero.")
    currency: Literal["EUR", "GBP"] = Field(description="Currency of the amount.")
    side: Side = Field(description="Whether the amount is put in (BUY) or taken out (SELL).")
    post_tax: bool = Field(
        default=False, description="Whether the amount is meant after tax; equal to before, until there are taxes."
    )

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        if "cash_amount" not in unfit:
            yield from rules.amount_errors(body.cash_amount)


class PortfolioChildOrderView(View):
    """One of its orders."""

    id: Id = Field(description="Id of the order.")
    side: Side = Field(description="Buy or sell.")
    status: OrderStatus = Field(description="Where it stands.")


class PortfolioPlannedOrderView(View):
    """An order that it would come to."""

    instrument_id: Id = Field(description="The instrument.")
    isin: Isin = Field(description="Its ISIN.")
    side: Side = Field(description="Buy or sell.")
    cash_amount: PaymentAmount = Field(description="The amount it would be placed for.")
    quantity: UnsignedDecimal = Field(description="Units it would trade.")
    expected_cash: PaymentAmount = Field(description="What they would cost or bring.")


class PortfolioOrderPlanView(View):
    """What a portfolio order would come to at the prices of now."""

    orders: list[PortfolioPlannedOrderView] = Field(description="Its orders, each of which would be free of fees.")
    residual_cash: PaymentAmount = Field(description="What of the amount would be traded for nothing.")
    cancellation_reason: CancellationReason | None = Field(
        default=None, description="Why it would be cancelled; not there where it would not be."
    )
    cancellation_details: str | None = Field(default=None, description="The same in a sentence.")


class PortfolioOrderView(View):
    """An order for a whole portfolio."""

    id: Id = Field(description="Id of the portfolio order.")
    created_at: Instant = Field(description="When it was accepted.")
    updated_at: Instant = Field(description="When it changed last.")
    user_id: Id = Field(description="The owner of the account.")
    account_id: Id = Field(description="The account it is on.")
    allocation_id: Id = Field(description="The allocation the account followed when it was accepted.")
    cash_amount: UnsignedCash = Field(description="The amount asked for.")
    currency: Literal["EUR", "GBP"] = Field(description="Currency of the amount.")
    status: Status = Field(description="Where it stands, as its orders do.")
    type: Side = Field(description="Buy or sell.")
    post_tax: bool = Field(description="As given.")
    orders: list[PortfolioChildOrderView] = Field(description="The orders it was divided into; none while it was not.")
    client_reference: str = Field(description="What its orders carry as theirs: its own id.")
    initiation_flow: Literal["API"] = Field(description="A client asked for it.")
    cancellation_reason: CancellationReason | None = Field(default=None, description="Why it was cancelled.")
    cancellation_details: str | None = Field(default=None, description="The same in a sentence.")
    preview: PortfolioOrderPlanView | None = Field(
        default=None, description="An addition, where `dry_run` was asked for: the order is not placed, its id is none."
    )


PortfolioOrderPage = page_of(PortfolioOrderView, "portfolio orders")


class PortfolioOrderQuery(PageQuery):
    """Filters and order of portfolio orders."""

    start_date: Annotated[Day | None, Unused] = Field(default=None, description="Made on this day in UTC, or later.")
    end_date: Annotated[Day | None, Unused] = Field(default=None, description="Made on this day in UTC, or before.")
    allocation_id: Annotated[Id | None, Unused] = Field(default=None, description="Only those by this allocation.")
    account_id: Annotated[Id | None, Unused] = Field(default=None, description="Only those on this account.")
    sort: Literal["id"] = Field(default="id", description="Field to order by.")


def _api(_: Snapshot) -> Json:
    return "API"


def _nothing(_: Snapshot) -> Json:
    return None


order_v1 = shown(
    PortfolioOrderView, PortfolioOrder, type="side", client_reference="id", initiation_flow=_api, preview=_nothing
)
_previewed_v1 = shown(PortfolioOrderView, PreviewedOrder, type="side", client_reference="id", initiation_flow=_api)
_new_order = filled(NewPortfolioOrder, PortfolioOrderCreate)


async def list_portfolios_orders(unit: Unit, call: Call) -> Json:
    """List portfolio orders."""
    query: PortfolioOrderQuery = call.query
    return page_v1(await service.list_orders(unit, query.page_request, query.filters), order_v1)


async def create_portfolios_order(unit: Unit, call: Call) -> Json:
    """Place a portfolio order, or see what one would come to."""
    new = _new_order(call.body)
    if call.query.dry_run:
        return _previewed_v1(snapshot_of(await service.preview_order(unit, new)))
    return order_v1(snapshot_of(await service.place_order(unit, new)))


async def retrieve_portfolios_order(unit: Unit, call: Call) -> Json:
    """Get a portfolio order."""
    return order_v1(snapshot_of(await service.get_order(unit, call.path["portfolio_order_id"])))


async def cancel_portfolios_order(unit: Unit, call: Call) -> None:
    """Ask for a portfolio order to be cancelled."""
    await service.cancel_order(unit, call.path["portfolio_order_id"])


PORTFOLIOS = Operations(V1, "Portfolios", "portfolios")
_ORDERS, _ORDER = "/portfolios/orders", "/portfolios/orders/{portfolio_order_id}"

ENDPOINTS: list[Endpoint] = [
    PORTFOLIOS.lists(
        _ORDERS, list_portfolios_orders, PortfolioOrderPage, query=PortfolioOrderQuery, errors=(404, 405)
    ),
    PORTFOLIOS.creates(
        _ORDERS, create_portfolios_order, PortfolioOrderView, body=PortfolioOrderCreate, query=DryRunQuery,
        errors=(404,),
    ),
    PORTFOLIOS.reads(_ORDER, retrieve_portfolios_order, PortfolioOrderView),
    PORTFOLIOS.deletes(_ORDER, cancel_portfolios_order, status=202),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {"portfolio order": Representation(order_v1, PortfolioOrderView)}
