"""Orders as v1 shows them: schemas, mappers, endpoint and event tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.declarations import Call, Endpoint, Event
from openvest.core.money import ZERO, cents, plain
from openvest.core.problems import InvalidRequest, Problem
from openvest.core.schema import (
    Answer,
    Body,
    Currency,
    Day,
    Id,
    Instant,
    Isin,
    Meta,
    PaymentAmount,
    UnsignedDecimal,
    Unused,
)
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.paging import PageQuery, v1_page
from openvest.db.unit import Unit
from openvest.features.orders import service
from openvest.features.orders.model import (
    CancellationReason,
    ExecutionFlow,
    ExecutionStatus,
    InitiationFlow,
    OrderStatus,
    OrderType,
    OrderWanted,
    Side,
)
from openvest.features.orders.rules import BusinessNotServed, FeeOfOtherKind
from openvest.features.orders.rules_intake import misfits

FeeType = Literal["TRANSACTION_FEE_BUY", "TRANSACTION_FEE_SELL"]
ChargeMethod = Literal["CHARGED_BY_CLIENT", "COLLECTED_BY_UPVEST"]
Reference = Annotated[str, Field(min_length=1, max_length=100)]


class FeeBody(Body):
    """A fee of this order: an absolute amount, or a fee model."""

    type: FeeType = Field(description="The side the fee belongs to.")
    value_type: Literal["ABSOLUTE"] | None = Field(default=None, description="ABSOLUTE where an amount is given.")
    charge_method: ChargeMethod | None = Field(default=None, description="Who collects the fee.")
    cash_amount: PaymentAmount | None = Field(default=None, description="The amount of an absolute fee.")
    currency: Currency | None = Field(default=None, description="Its currency, which is the order's.")
    transaction_fee_model_id: Id | None = Field(default=None, description="A fee model, instead of an amount.")


class OrderBody(Body):
    """An instruction to buy or sell: by cash amount or by quantity, at the market, a limit or a stop."""

    user_id: Id | None = Field(default=None, description="The user who orders.")
    business_id: Id | None = Field(default=None, description="The business that orders, instead of a user.")
    account_id: Id = Field(description="The account the securities come to or leave.")
    side: Side = Field(description="Buy or sell.")
    instrument_id: Isin = Field(description="ISIN of the instrument.")
    instrument_id_type: Literal["ISIN"] = Field(description="How the instrument is named.")
    cash_amount: Annotated[PaymentAmount | None, Unused] = Field(
        default=None, description="How much money to trade for."
    )
    quantity: Annotated[UnsignedDecimal | None, Unused] = Field(default=None, description="How many units to trade.")
    currency: Currency = Field(default="EUR", description="Currency of the trade.")
    order_type: Annotated[OrderType | None, Unused] = Field(default=None, description="MARKET unless given.")
    limit_price: Annotated[UnsignedDecimal | None, Unused] = Field(
        default=None, description="The worst price a LIMIT order accepts."
    )
    stop_price: Annotated[UnsignedDecimal | None, Unused] = Field(
        default=None, description="The price at which a STOP order becomes a market order."
    )
    expiry_date: Annotated[Day | None, Unused] = Field(
        default=None, description="The last day it can trade; 200 years from now unless given."
    )
    user_instrument_fit_acknowledgement: bool | None = Field(
        default=None, description="The user has seen that the instrument does not fit."
    )
    client_reference: Annotated[Reference | None, Unused] = Field(default=None, description="Your own name for it.")
    execution_flow: Annotated[ExecutionFlow | None, Unused] = Field(
        default=None, description="STRAIGHT_THROUGH unless given; BLOCK waits for the cut-off."
    )
    fee_configuration: list[FeeBody] | None = Field(default=None, description="Fees of this order.")
    decision_maker_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The user who decided, where it is another."
    )


class TaxAnswer(Answer):
    """A tax withheld from an execution."""

    type: Literal["TOTAL"] = Field(description="All taxes together.")
    amount: UnsignedDecimal = Field(description="How much was withheld.")


class ExecutionAnswer(Answer):
    """One execution of an order."""

    id: Id = Field(description="Id of the execution.")
    order_id: Id = Field(description="The order it executes.")
    side: Side = Field(description="Buy or sell.")
    currency: Currency = Field(description="Currency of amount and price.")
    status: ExecutionStatus = Field(description="FILLED until it settles.")
    cash_amount: PaymentAmount = Field(description="What it cost or brought, before fee and taxes.")
    share_quantity: UnsignedDecimal = Field(description="Units traded.")
    price: str = Field(description="Price per unit.", pattern=r"^[0-9]{0,63}(\.[0-9]{1,4})?$")
    transaction_time: Instant = Field(description="When the venue executed it.")
    taxes: list[TaxAnswer] = Field(description="Taxes withheld.")
    venue_id: Id = Field(description="Where it was executed.")
    settlement_date: Day | None = Field(default=None, description="When money and units change hands.")


class FeeAnswer(Answer):
    """A fee as it was asked for."""

    type: FeeType = Field(description="The side the fee belongs to.")
    value_type: Literal["ABSOLUTE"] = Field(description="An absolute amount.")
    charge_method: ChargeMethod = Field(description="Who collects the fee.")
    cash_amount: PaymentAmount = Field(description="The amount.")
    currency: Currency = Field(description="Its currency.")


class OrderAnswer(Answer):
    """An order with its executions."""

    id: Id = Field(description="Id of the order.")
    created_at: Instant = Field(description="When it was accepted.")
    updated_at: Instant = Field(description="When it changed last.")
    user_id: Id = Field(description="The user who ordered.")
    account_id: Id = Field(description="The account it is on.")
    side: Side = Field(description="Buy or sell.")
    instrument_id: Isin = Field(description="ISIN of the instrument.")
    instrument_id_type: Literal["ISIN"] = Field(description="How the instrument is named.")
    cash_amount: PaymentAmount = Field(description="Amount asked for, else the sum of the executions.")
    quantity: UnsignedDecimal = Field(description="Quantity asked for, else the sum of the executions.")
    currency: Currency = Field(description="Currency of the trade.")
    order_type: OrderType = Field(description="Market, limit or stop.")
    limit_price: UnsignedDecimal | None = Field(default=None, description="Limit of a LIMIT order.")
    stop_price: UnsignedDecimal | None = Field(default=None, description="Trigger of a STOP order.")
    expiry_date: Day | None = Field(default=None, description="The last day it can trade.")
    user_instrument_fit_acknowledgement: bool | None = Field(default=None, description="As given.")
    client_reference: str | None = Field(default=None, max_length=100, description="Your own name for it.")
    execution_flow: ExecutionFlow | None = Field(default=None, description="How it is executed.")
    fee_configuration: list[FeeAnswer] | None = Field(default=None, description="Fees of this order.")
    decision_maker_id: Id | None = Field(default=None, description="Who decided, where it is another.")
    status: OrderStatus = Field(description="Where it stands.")
    cancellation_reason: CancellationReason | None = Field(default=None, description="Why it was cancelled.")
    fee: UnsignedDecimal = Field(description="The order's fee.")
    initiation_flow: InitiationFlow = Field(description="What made it.")
    executions: list[ExecutionAnswer] = Field(description="Its executions, oldest first.")


class OrdersAnswer(Answer):
    """A page of orders."""

    meta: Meta = Field(description="Which part of the list this is.")
    data: list[OrderAnswer] = Field(description="The orders of this page.")


class OrderIdAnswer(Answer):
    """The order a cancellation was asked for."""

    id: Id = Field(description="Id of the order.")


class CancellationAnswer(Answer):
    """Why an order was not cancelled."""

    order_id: Id = Field(description="Id of the order.")
    status: OrderStatus = Field(description="Where the order stands.")
    reason: str = Field(description="Why it stays so.")


class OrdersQuery(PageQuery):
    """Which orders of an account to list."""

    account_group_id: Id | None = Field(default=None, description="Only orders of this group.")
    user_id: Id | None = Field(default=None, description="Only orders of this user.")
    status: OrderStatus = Field(default="FILLED", description="Only orders in this state.")
    date_created_from: Annotated[Instant | None, Unused] = Field(default=None, description="Created then or later.")
    date_created_to: Annotated[Instant | None, Unused] = Field(default=None, description="Created then or earlier.")


def execution_v1(execution: Snapshot) -> Json:
    """An execution from its snapshot. No tax is withheld yet, so the list is empty."""
    return {
        "id": execution["id"],
        "order_id": execution["order_id"],
        "side": execution["side"],
        "currency": execution["currency"],
        "status": execution["status"],
        "cash_amount": cents(Decimal(execution["cash_amount"])),
        "share_quantity": execution["quantity"],
        "price": execution["price"],
        "transaction_time": execution["transaction_time"],
        "taxes": [],
        "venue_id": execution["venue_id"],
        "settlement_date": execution["settlement_date"],
    }


def order_v1(order: Snapshot) -> Json:
    """An order from its snapshot; fields that do not apply are left out."""
    shown: dict[str, Any] = {
        "id": order["id"],
        "created_at": order["created_at"],
        "updated_at": order["updated_at"],
        "user_id": order["user_id"],
        "account_id": order["account_id"],
        "side": order["side"],
        "instrument_id": order["isin"],
        "instrument_id_type": "ISIN",
        "cash_amount": _amount(order["cash_amount"]),
        "quantity": order["quantity"],
        "currency": order["currency"],
        "order_type": order["order_type"],
        "limit_price": order["limit_price"],
        "stop_price": order["stop_price"],
        "expiry_date": order["expiry_date"],
        "user_instrument_fit_acknowledgement": order["fit_acknowledged"],
        "client_reference": order["client_reference"],
        "execution_flow": order["execution_flow"],
        "decision_maker_id": order["decision_maker_id"],
        "status": order["status"],
        "cancellation_reason": order["cancellation_reason"],
        "fee": _amount(order["fee"]),
        "initiation_flow": order["initiation_flow"],
        "executions": [execution_v1(execution) for execution in order["executions"]],
    }
    if order["fee_type"] is not None:
        method = "COLLECTED_BY_UPVEST" if order["fee_collected"] else "CHARGED_BY_CLIENT"
        fee = {"type": order["fee_type"], "value_type": "ABSOLUTE", "charge_method": method}
        shown["fee_configuration"] = [fee | {"cash_amount": _amount(order["fee"]), "currency": order["currency"]}]
    return {name: value for name, value in shown.items() if value is not None}


def _amount(value: str) -> str:
    amount = Decimal(value)
    return cents(amount) if amount else plain(ZERO)


def cancellation_v1(said: Snapshot) -> Json:
    return dict(said)


def _want(call: Call) -> OrderWanted | Problem:
    """A body as the domain wants it, or why it is none."""
    body: OrderBody = call.body
    errors = misfits(body)
    if errors:
        sentence = "; ".join(f"{error.field} {error.message}" for error in errors)
        return InvalidRequest(f"The body has misfits: {sentence}.", errors=errors)
    if body.user_id is None:
        return BusinessNotServed("Orders of businesses are not served yet.")
    fee = body.fee_configuration[0] if body.fee_configuration else None
    if fee is not None and fee.transaction_fee_model_id is not None:
        return FeeOfOtherKind("Fee models are not served yet; give an absolute fee.")
    return OrderWanted(
        account_id=body.account_id,
        user_id=body.user_id,
        isin=body.instrument_id,
        side=body.side,
        order_type=body.order_type or "MARKET",
        cash_amount=body.cash_amount,
        quantity=body.quantity,
        currency=body.currency,
        limit_price=body.limit_price,
        stop_price=body.stop_price,
        expiry_date=body.expiry_date,
        execution_flow=body.execution_flow or "STRAIGHT_THROUGH",
        fit_acknowledged=body.user_instrument_fit_acknowledgement,
        client_reference=body.client_reference,
        decision_maker_id=body.decision_maker_id,
        fee=fee.cash_amount if fee is not None and fee.cash_amount is not None else ZERO,
        fee_collected=fee is not None and fee.charge_method == "COLLECTED_BY_UPVEST",
        fee_type=fee.type if fee is not None else None,
        fee_currency=fee.currency if fee is not None else None,
        cause=call.cause,
    )


async def place_orders(unit: Unit, calls: Sequence[Call]) -> Sequence[Json | Exception]:
    wants = [_want(call) for call in calls]
    placed = iter(await service.place_orders(unit, [want for want in wants if isinstance(want, OrderWanted)]))
    answers: list[Json | Exception] = []
    for want in wants:
        answer = want if isinstance(want, Problem) else next(placed)
        answers.append(answer if isinstance(answer, Problem) else order_v1(snapshot_of(answer)))
    return answers


async def retrieve_order(unit: Unit, call: Call) -> Json:
    return order_v1(snapshot_of(await service.get_order(unit, call.path["order_id"])))


async def cancel_order(unit: Unit, call: Call) -> Json:
    return {"id": str(await service.cancel_order(unit, call.path["order_id"]))}


async def retrieve_execution(unit: Unit, call: Call) -> Json:
    found = await service.get_execution(unit, call.path["order_id"], call.path["execution_id"])
    return execution_v1(snapshot_of(found))


async def list_account_orders(unit: Unit, call: Call) -> Json:
    query: OrdersQuery = call.query
    filters = {
        "account_id": call.path["account_id"],
        "account_group_id": query.account_group_id,
        "user_id": query.user_id,
        "status": query.status,
        "date_created_from": query.date_created_from,
        "date_created_to": query.date_created_to,
    }
    found = await service.list_orders(unit, query, filters)
    return v1_page(found, [order_v1(snapshot_of(view)) for view in found.rows])


_READ = ("orders:read", "orders:admin")

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/orders",
        operation_id="place_order",
        summary="Place an order",
        tag="orders",
        scopes=("orders:admin",),
        batch=place_orders,
        body=OrderBody,
        answer=OrderAnswer,
        status=202,
        key_required=True,
        errors=(400, 422),
    ),
    Endpoint(
        method="GET",
        path="/orders/{order_id}",
        operation_id="retrieve_order",
        summary="Read an order",
        tag="orders",
        scopes=_READ,
        verb=retrieve_order,
        answer=OrderAnswer,
        errors=(404,),
    ),
    Endpoint(
        method="DELETE",
        path="/orders/{order_id}",
        operation_id="cancel_order",
        summary="Ask for an order to be cancelled",
        tag="orders",
        scopes=("orders:admin",),
        verb=cancel_order,
        answer=OrderIdAnswer,
        status=202,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/orders/{order_id}/executions/{execution_id}",
        operation_id="retrieve_order_execution",
        summary="Read an execution of an order",
        tag="orders",
        scopes=_READ,
        verb=retrieve_execution,
        answer=ExecutionAnswer,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/accounts/{account_id}/orders",
        operation_id="list_account_orders",
        summary="List the orders of an account",
        tag="orders",
        scopes=_READ,
        verb=list_account_orders,
        query=OrdersQuery,
        answer=OrdersAnswer,
        errors=(400, 404),
    ),
]

EVENTS = [
    *(
        Event(f"ORDER.{name}", "order", order_v1, answer=OrderAnswer)
        for name in ("NEW", "PROCESSING", "FILLED", "CANCELLED")
    ),
    *(
        Event(f"EXECUTION.{name}", "execution", execution_v1, answer=ExecutionAnswer)
        for name in ("FILLED", "SETTLED", "CANCELLED")
    ),
    Event("ORDER_CANCELLATION.REJECTED", "order cancellation", cancellation_v1, answer=CancellationAnswer),
]
