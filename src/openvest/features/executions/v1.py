"""Executions in v1: one operation and the events."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Representation
from openvest.features.executions import service
from openvest.features.executions.model_v1 import ExecutionView, execution_v1
from openvest.operations import V1, Operations


async def retrieve_order_execution(unit: Unit, call: Call) -> Json:
    """Read an execution of an order."""
    return execution_v1(snapshot_of(await service.get_execution(unit, **call.path)))


ORDERS = Operations(V1, "Orders", "orders")

ENDPOINTS = [
    ORDERS.reads("/orders/{order_id}/executions/{execution_id}", retrieve_order_execution, ExecutionView),
]

REPRESENTATIONS: Mapping[str, Representation] = {"execution": Representation(execution_v1, ExecutionView)}
