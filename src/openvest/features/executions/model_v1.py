"""An execution as v1 shows it: public, because an order shows its executions in the same form."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openvest.core.schema import Currency, Day, Id, Instant, PaymentAmount, UnsignedDecimal, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json
from openvest.features.executions.model import Execution, ExecutionStatus, Side


class ExecutionTaxView(View):
    """A tax withheld from an execution."""

    type: Literal["TOTAL"] = Field(description="All taxes together.")
    amount: UnsignedDecimal = Field(description="How much was withheld.")


class ExecutionView(View):
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
    taxes: list[ExecutionTaxView] = Field(description="Taxes withheld.")
    venue_id: Id = Field(description="Where it was executed.")
    settlement_date: Day | None = Field(default=None, description="When money and units change hands.")


execution_v1 = shown(ExecutionView, Execution, share_quantity="quantity", taxes=lambda execution: list[Json]())
"""No tax is withheld yet."""
