"""Orders as v1 shows them: mappers, endpoint and event tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from openvest.core.money import ZERO, cents, plain
from openvest.core.problems import Problem
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.v1 import page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Representation
from openvest.features.executions.model_v1 import execution_v1
from openvest.features.orders import service
from openvest.features.orders.model import OrderCancellation, OrderDetails, PlaceOrder
from openvest.features.orders.rules import BusinessNotServed, FeeOfOtherKind
from openvest.features.orders.v1_schemas import (
    OrderCancellationView,
    OrderCreate,
    OrderIdView,
    OrderPage,
    OrderQuery,
    OrderView,
)
from openvest.operations import V1, Operations


def _amount(value: str) -> str:
    amount = Decimal(value)
    return cents(amount) if amount else plain(ZERO)


def _fee(order: Snapshot) -> str:
    """Events written before what is charged was there told what was asked for."""
    return _amount(order.get("fee_charged", order["fee"]))


def _fee_configuration(order: Snapshot) -> list[Json] | None:
    if order["fee_type"] is None:
        return None
    method = "COLLECTED_BY_UPVEST" if order["fee_collected"] else "CHARGED_BY_CLIENT"
    fee = {"type": order["fee_type"], "value_type": "ABSOLUTE", "charge_method": method}
    return [fee | {"cash_amount": _amount(order["fee"]), "currency": order["currency"]}]


order_v1 = shown(
    OrderView,
    OrderDetails,
    instrument_id="isin",
    instrument_id_type=lambda order: "ISIN",
    cash_amount=lambda order: _amount(order["cash_amount"]),
    user_instrument_fit_acknowledgement="fit_acknowledged",
    fee_configuration=_fee_configuration,
    fee=_fee,
    executions=lambda order: [execution_v1(execution) for execution in order["executions"]],
)
cancellation_v1 = shown(OrderCancellationView, OrderCancellation)


def _want(call: Call) -> PlaceOrder | Problem:
    """A body as the domain wants it, or why it is none."""
    body: OrderCreate = call.body
    if body.user_id is None:
        return BusinessNotServed("Orders of businesses are not served yet.")
    fee = body.fee_configuration[0] if body.fee_configuration else None
    if fee is not None and fee.transaction_fee_model_id is not None:
        return FeeOfOtherKind("Fee models are not served yet; give an absolute fee.")
    return PlaceOrder(
        account_id=body.account_id,
        user_id=body.user_id,
        instrument=body.instrument_id,
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


async def place_order(unit: Unit, calls: Sequence[Call]) -> Sequence[Json | Exception]:
    """Place an order."""
    wants = [_want(call) for call in calls]
    placed = iter(await service.placed_as_told(unit, [want for want in wants if isinstance(want, PlaceOrder)]))
    answers: list[Json | Exception] = []
    for want in wants:
        answer = want if isinstance(want, Problem) else next(placed)
        answers.append(answer if isinstance(answer, Problem) else order_v1(answer))
    return answers


async def retrieve_order(unit: Unit, call: Call) -> Json:
    """Read an order."""
    return order_v1(snapshot_of(await service.get_order(unit, call.path["order_id"])))


async def cancel_order(unit: Unit, call: Call) -> Json:
    """Ask for an order to be cancelled."""
    return {"id": str((await service.cancel_order(unit, call.path["order_id"])).order_id)}


async def list_account_orders(unit: Unit, call: Call) -> Json:
    """List the orders of an account."""
    query: OrderQuery = call.query
    filters = {"account_id": call.path["account_id"], **query.filters}
    return page_v1(await service.list_account_orders(unit, query.page_request, filters), order_v1)


ORDERS = Operations(V1, "Orders", "orders")

ENDPOINTS = [
    ORDERS.creates("/orders", answer=OrderView, batch=place_order, body=OrderCreate, status=202, errors=(422,)),
    ORDERS.reads("/orders/{order_id}", retrieve_order, OrderView),
    ORDERS.deletes("/orders/{order_id}", cancel_order, OrderIdView, status=202),
    ORDERS.lists("/accounts/{account_id}/orders", list_account_orders, OrderPage, query=OrderQuery),
]

REPRESENTATIONS: Mapping[str, Representation] = {
    "order": Representation(order_v1, OrderView),
    "order cancellation": Representation(cancellation_v1, OrderCancellationView),
}

UNTOLD = {"ORDER_CANCELLATION.CONFIRMED": "v1 has no such event: that the order is CANCELLED says it"}
