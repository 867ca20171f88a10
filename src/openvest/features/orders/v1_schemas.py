"""Schemas of orders in v1."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Currency, Day, Id, Instant, Isin, PaymentAmount, UnsignedDecimal, Unused, View
from openvest.core.v1 import PageQuery, page_of
from openvest.features.executions.model import Side
from openvest.features.executions.model_v1 import ExecutionView
from openvest.features.orders.model import CancellationReason, ExecutionFlow, InitiationFlow, OrderStatus, OrderType
from openvest.features.orders.rules_intake import field_errors

FeeType = Literal["TRANSACTION_FEE_BUY", "TRANSACTION_FEE_SELL"]
ChargeMethod = Literal["CHARGED_BY_CLIENT", "COLLECTED_BY_UPVEST"]
Reference = Annotated[str, Field(min_length=1, max_length=100)]


class OrderFeeCreate(Body):
    """A fee of this order: an absolute amount, or a fee model."""

    type: FeeType = Field(description="The side the fee belongs to.")
    value_type: Literal["ABSOLUTE"] | None = Field(default=None, description="ABSOLUTE where an amount is given.")
    charge_method: ChargeMethod | None = Field(default=None, description="Who collects the fee.")
    cash_amount: PaymentAmount | None = Field(default=None, description="The amount of an absolute fee.")
    currency: Currency | None = Field(default=None, description="Its currency, which is the order's.")
    transaction_fee_model_id: Id | None = Field(default=None, description="A fee model, instead of an amount.")


class OrderCreate(Body):
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
    fee_configuration: list[OrderFeeCreate] | None = Field(default=None, description="Fees of this order.")
    decision_maker_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The user who decided, where it is another."
    )

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        return field_errors(body, unfit)


class OrderFeeView(View):
    """A fee as it was asked for; the order's `fee` is what was charged."""

    type: FeeType = Field(description="The side the fee belongs to.")
    value_type: Literal["ABSOLUTE"] = Field(description="An absolute amount.")
    charge_method: ChargeMethod = Field(description="Who collects the fee.")
    cash_amount: PaymentAmount = Field(description="The amount.")
    currency: Currency = Field(description="Its currency.")


class OrderView(View):
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
    fee_configuration: list[OrderFeeView] | None = Field(default=None, description="Fees of this order.")
    decision_maker_id: Id | None = Field(default=None, description="Who decided, where it is another.")
    status: OrderStatus = Field(description="Where it stands.")
    cancellation_reason: CancellationReason | None = Field(default=None, description="Why it was cancelled.")
    fee: UnsignedDecimal = Field(description="What was charged so far.")
    initiation_flow: InitiationFlow = Field(description="What made it.")
    executions: list[ExecutionView] = Field(description="Its executions, in the order in which they were booked.")


OrderPage = page_of(OrderView, "orders")


class OrderIdView(View):
    """The order a cancellation was asked for."""

    id: Id = Field(description="Id of the order.")


class OrderCancellationView(View):
    """Why an order was not cancelled."""

    order_id: Id = Field(description="Id of the order.")
    status: OrderStatus = Field(description="Where the order stands.")
    reason: str = Field(description="Why it stays so.")


class OrderQuery(PageQuery):
    """Which orders of an account to list."""

    account_group_id: Id | None = Field(default=None, description="Only orders of this group.")
    user_id: Id | None = Field(default=None, description="Only orders of this user.")
    status: OrderStatus = Field(default="FILLED", description="Only orders in this state.")
    date_created_from: Annotated[Instant | None, Unused] = Field(default=None, description="Created then or later.")
    date_created_to: Annotated[Instant | None, Unused] = Field(default=None, description="Created then or earlier.")
