"""Portfolio orders as lite shows them: money that is put into a portfolio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from openvest.core.naming import Names
from openvest.core.problems import FieldError
from openvest.core.schema import Body, DryRunQuery, Id, Instant, PaymentAmount, UnsignedDecimal, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.executions.model import Side
from openvest.features.portfolio_orders import rules, service
from openvest.features.portfolio_orders.model import (
    EVENTS,
    CancellationReason,
    NewPortfolioOrder,
    PreviewedOrder,
    Status,
)
from openvest.operations import LITE, Operations

State = Literal["NEW", "PROCESSING", "COMPLETED", "CANCELLED"]
STATES: Names[Status, State] = Names(
    Status,
    State,
    {
        "NEW": "NEW",
        "PROCESSING": "PROCESSING",
        "FILLED": "COMPLETED",
        "SETTLED": "COMPLETED",
        "CANCELLED": "CANCELLED",
    },
)
NAMES: Sequence[Names[Any, Any]] = (STATES,)


def _traded(value: str) -> str:
    if value not in ("EUR", "GBP"):
        raise ValueError("is one of EUR, GBP")
    return value


_CurrencyCode = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class PortfolioOrderCreate(Body):
    """An amount to put into a portfolio."""

    cash_amount: PaymentAmount = Field(description="How much money to invest, above zero.")
    currency: Annotated[_CurrencyCode, AfterValidator(_traded)] = Field(description="Currency of the amount.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        if "cash_amount" not in unfit:
            yield from rules.amount_errors(body.cash_amount)


class PortfolioPlannedOrderView(View):
    """An order that it would come to."""

    instrument_id: Id = Field(description="The instrument.")
    side: Side = Field(description="Buy or sell.")
    cash_amount: PaymentAmount = Field(description="The amount it would be placed for.")
    quantity: UnsignedDecimal = Field(description="Units it would trade.")
    expected_cash: PaymentAmount = Field(description="What they would cost.")


class PortfolioOrderPlanView(View):
    """What a portfolio order would come to at the prices of now."""

    orders: list[PortfolioPlannedOrderView] = Field(description="Its orders, each of which would be free of fees.")
    residual_cash: PaymentAmount = Field(description="What of the amount would be traded for nothing.")
    cancellation_reason: CancellationReason | None = Field(
        default=None, description="Why it would be cancelled; not there where it would not be."
    )
    cancellation_details: str | None = Field(default=None, description="The same in a sentence.")


class PortfolioOrderView(View):
    """An order for a portfolio."""

    id: Id = Field(description="Id of the portfolio order.")
    portfolio_id: Id = Field(description="The portfolio.")
    cash_amount: PaymentAmount = Field(description="The amount to invest.")
    currency: _CurrencyCode = Field(description="Currency of the amount.")
    status: State = Field(description="Where it stands.")
    created_at: Instant = Field(description="When it was accepted.")
    preview: PortfolioOrderPlanView | None = Field(
        default=None, description="An addition, where `dry_run` was asked for: the order is not placed, its id is none."
    )


def _state(order: Snapshot) -> State:
    return STATES[order["status"]]


order_lite = shown(PortfolioOrderView, PreviewedOrder, status=_state)


async def create_portfolio_order(unit: Unit, call: Call) -> Json:
    """Put money into a portfolio, or see what that would come to."""
    body: PortfolioOrderCreate = call.body
    portfolio = await service.open_portfolio(unit, call.path["portfolio_id"])
    verb = service.preview_order if call.query.dry_run else service.place_order
    new = NewPortfolioOrder(portfolio.account_id, None, "BUY", body.cash_amount, body.currency)
    return order_lite(snapshot_of(await verb(unit, new)))


ORDERS = Operations(LITE, "Portfolio Orders", "portfolios")

ENDPOINTS: list[Endpoint] = [
    ORDERS.creates(
        "/portfolios/{portfolio_id}/orders", create_portfolio_order, PortfolioOrderView, body=PortfolioOrderCreate,
        query=DryRunQuery, errors=(409,),
    ),
]  # fmt: skip

UNTOLD: Mapping[str, str] = {
    event.type: "lite has no category of portfolio orders; it tells of their orders" for event in EVENTS
}
