"""Orders as lite shows them: what is asked of one account is placed in its owner's name, and ends as CANCELLED where
the client wanted so, as REJECTED where anybody else did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from openvest.core.lite import EventObjectView, PageQuery, event_object, list_of, page_lite, page_of
from openvest.core.money import cents
from openvest.core.naming import Names
from openvest.core.problems import FieldError, InvalidRequest, Problem
from openvest.core.schema import Body, Currency, Id, Instant, PaymentAmount, UnsignedDecimal, Unused, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, EventName, Representation
from openvest.features.executions.model import Side
from openvest.features.executions.model_lite import ExecutionView, execution_lite
from openvest.features.instruments import service as instruments
from openvest.features.orders import service
from openvest.features.orders.model import (
    CancellationOutcome,
    CancellationReason,
    OrderCancellation,
    OrderDetails,
    OrderStatus,
    OrderType,
    PlaceOrder,
)
from openvest.features.orders.rules_intake import trade_errors
from openvest.operations import LITE, Operations

# Words

State = Literal["NEW", "PROCESSING", "FILLED", "CANCELLED", "REJECTED"]
End = Literal["CANCELLED", "REJECTED"]

ENDS: Names[CancellationReason, End] = Names(
    CancellationReason,
    End,
    {
        "CANCELLED_BY_CLIENT": "CANCELLED",
        "CANCELLED_BY_UPVEST_OPERATIONS": "REJECTED",
        "CANCELLED_BY_TRADING_PARTNER": "REJECTED",
        "CANCELLED_BY_UPVEST_PLATFORM": "REJECTED",
    },
)
STATES: Names[OrderStatus, State] = Names(
    OrderStatus,
    State,
    {"NEW": "NEW", "PROCESSING": "PROCESSING", "FILLED": "FILLED", "CANCELLED": "CANCELLED"},
    decided={"REJECTED": "why it is CANCELLED: see ENDS"},
)
NAMES: Sequence[Names[Any, Any]] = (ENDS, STATES)


def state_of(order: Snapshot) -> State:
    """Where an order stands, in lite's words."""
    if order["status"] == "CANCELLED":
        return ENDS[order["cancellation_reason"]]
    return STATES[order["status"]]


# Questions


def _instrument_id(value: Any) -> Any:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and (found := instruments.id_of_name(value)) is not None:
        return found
    raise ValueError("is the UUID of an instrument, or its ISIN")


def _traded(value: str) -> str:
    if value not in get_args(Currency):
        raise ValueError(f"is one of {', '.join(get_args(Currency))}")
    return value


_InstrumentId = Annotated[UUID, BeforeValidator(_instrument_id), WithJsonSchema({"type": "string", "format": "uuid"})]
_CurrencyCode = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class OrderCreate(Body):
    """An instruction to buy or sell: by cash amount or by quantity, at the market, a limit or a stop."""

    account_id: Id = Field(description="The account the securities come to or leave; its owner orders.")
    instrument_id: _InstrumentId = Field(description="The instrument: its id. Its ISIN is taken, too.")
    side: Side = Field(description="Buy or sell.")
    type: OrderType = Field(description="Market, limit or stop.")
    quantity: Annotated[UnsignedDecimal | None, Unused] = Field(default=None, description="How many units to trade.")
    cash_amount: Annotated[PaymentAmount | None, Unused] = Field(
        default=None, description="How much money to trade for, instead of a quantity."
    )
    limit_price: Annotated[UnsignedDecimal | None, Unused] = Field(
        default=None, description="The worst price a LIMIT order accepts."
    )
    stop_price: Annotated[UnsignedDecimal | None, Unused] = Field(
        default=None, description="The price at which a STOP order becomes a market order."
    )
    currency: Annotated[_CurrencyCode, AfterValidator(_traded)] = Field(
        default="EUR", description="Currency of the trade."
    )

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        return trade_errors(body, body.type, unfit)


class OrderQuery(PageQuery):
    """Which orders to list."""

    account_id: Annotated[Id | None, Unused] = Field(default=None, description="Only orders on this account.")
    status: Annotated[State | None, Unused] = Field(default=None, description="Only orders that stand so.")

    @property
    def domain_filters(self) -> Mapping[str, Any]:
        """What the list is asked for in the words of the domain."""
        if self.status == "CANCELLED" or self.status == "REJECTED":
            by_client = "CANCELLED_BY_CLIENT" in ENDS.behind(self.status)
            return {"account_id": self.account_id, "cancelled_by_client": by_client}
        return {"account_id": self.account_id, "status": self.status}


# Answers


class OrderView(View):
    """An order."""

    id: Id = Field(description="Id of the order.")
    account_id: Id = Field(description="The account it is on.")
    user_id: Id = Field(description="The owner of the account.")
    instrument_id: Id = Field(description="The instrument it trades.")
    side: Side = Field(description="Buy or sell.")
    type: OrderType = Field(description="Market, limit or stop.")
    status: State = Field(description="Where it stands; REJECTED where it ended without the client's wish.")
    quantity: str | None = Field(default=None, description="Units asked for, else those traded so far.")
    cash_amount: str | None = Field(default=None, description="Amount asked for, else that traded so far.")
    limit_price: str | None = Field(default=None, description="Limit of a LIMIT order.")
    stop_price: str | None = Field(default=None, description="Trigger of a STOP order.")
    currency: _CurrencyCode = Field(description="Currency of the trade.")
    created_at: Instant = Field(description="When it was accepted.")
    updated_at: Instant = Field(description="When it changed last.")


class OrderCancellationView(View):
    """A request to cancel an order."""

    id: Id = Field(description="Id of the request.")
    order_id: Id = Field(description="The order that is to be cancelled.")
    status: CancellationOutcome = Field(description="PENDING until the venue has answered.")
    created_at: Instant = Field(description="When it was asked for.")


OrderPage = page_of(OrderView, "orders")
ExecutionList = list_of(ExecutionView, "executions of an order")


def _quantity(order: Snapshot) -> str | None:
    return order["quantity"] if Decimal(order["quantity"]) else None


def _cash_amount(order: Snapshot) -> str | None:
    amount = Decimal(order["cash_amount"])
    return cents(amount) if amount else None


order_lite = shown(
    OrderView,
    OrderDetails,
    type="order_type",
    status=state_of,
    quantity=_quantity,
    cash_amount=_cash_amount,
)
cancellation_lite = shown(OrderCancellationView, OrderCancellation, status="outcome")


# Verbs


def _want(call: Call) -> PlaceOrder:
    body: OrderCreate = call.body
    return PlaceOrder(
        account_id=body.account_id,
        user_id=None,
        instrument=body.instrument_id,
        side=body.side,
        order_type=body.type,
        cash_amount=body.cash_amount,
        quantity=body.quantity,
        currency=body.currency,
        limit_price=body.limit_price,
        stop_price=body.stop_price,
        cause=call.cause,
    )


async def create_order(unit: Unit, calls: Sequence[Call]) -> Sequence[Json | Exception]:
    """Place an order."""
    placed = await service.placed_as_told(unit, [_want(call) for call in calls])
    return [one if isinstance(one, Problem) else order_lite(one) for one in placed]


async def list_orders(unit: Unit, call: Call) -> Json:
    """List orders."""
    query: OrderQuery = call.query
    return page_lite(await service.list_orders(unit, query.page_request, query.domain_filters), order_lite)


async def retrieve_order(unit: Unit, call: Call) -> Json:
    """Get an order."""
    return order_lite(snapshot_of(await service.get_order(unit, call.path["order_id"])))


async def cancel_order(unit: Unit, call: Call) -> Json:
    """Ask for an order to be cancelled."""
    asked = await service.cancel_order(unit, call.path["order_id"])
    if asked.outcome == "REJECTED":
        raise InvalidRequest("The order has ended already and cannot be cancelled.")
    return cancellation_lite(snapshot_of(asked))


async def list_order_executions(unit: Unit, call: Call) -> Json:
    """List the executions of an order."""
    order = await service.get_order(unit, call.path["order_id"])
    return {"data": [execution_lite(snapshot_of(execution)) for execution in order.executions]}


ORDERS = Operations(LITE, "Orders", "orders")
CANCELLATIONS = Operations(LITE, "Order Cancellations", "orders")
EXECUTIONS = Operations(LITE, "Executions", "orders")
_ONE = "/orders/{order_id}"

ENDPOINTS: list[Endpoint] = [
    ORDERS.lists("/orders", list_orders, OrderPage, query=OrderQuery),
    ORDERS.creates("/orders", answer=OrderView, batch=create_order, body=OrderCreate, errors=(422,)),
    ORDERS.reads(_ONE, retrieve_order, OrderView),
    CANCELLATIONS.acts(f"{_ONE}/cancellation", cancel_order, OrderCancellationView, errors=(400,)),
    EXECUTIONS.lists(f"{_ONE}/executions", list_order_executions, ExecutionList),
]

REPRESENTATIONS: Mapping[str, Representation] = {
    "order": Representation(event_object("ORDER"), EventObjectView),
    "order cancellation": Representation(event_object("ORDER_CANCELLATION"), EventObjectView),
}


def end_told(order: Snapshot) -> Literal["ORDER.CANCELLED", "ORDER.REJECTED"]:
    """What the end of an order that was not filled is called."""
    return "ORDER.REJECTED" if state_of(order) == "REJECTED" else "ORDER.CANCELLED"


TOLD: Mapping[str, EventName] = {"ORDER.CANCELLED": end_told}
