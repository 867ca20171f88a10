"""An execution as lite shows it: public, because the executions of an order are read where orders are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openvest.core.naming import Names
from openvest.core.schema import Id, Instant, View
from openvest.core.shown import shown
from openvest.features.executions.model import Execution, ExecutionStatus

State = Literal["NEW", "SETTLED", "CANCELLED"]
STATES: Names[ExecutionStatus, State] = Names(
    ExecutionStatus, State, {"FILLED": "NEW", "SETTLED": "SETTLED", "CANCELLED": "CANCELLED"}
)


class ExecutionView(View):
    """One execution of an order."""

    id: Id = Field(description="Id of the execution.")
    order_id: Id = Field(description="The order it executes.")
    status: State = Field(description="NEW until it settles.")
    quantity: str = Field(description="Units traded.")
    price: str = Field(description="Price per unit, in the order's currency.")
    executed_at: Instant = Field(description="When the venue executed it.")


execution_lite = shown(
    ExecutionView,
    Execution,
    status=lambda execution: STATES[execution["status"]],
    executed_at="transaction_time",
)
