"""Executions in v1: one operation and the events."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.executions import service
from openvest.features.executions.model_v1 import ExecutionView, execution_v1


async def retrieve_execution(unit: Unit, call: Call) -> Json:
    found = await service.get_execution(unit, call.path["order_id"], call.path["execution_id"])
    return execution_v1(snapshot_of(found))


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/orders/{order_id}/executions/{execution_id}",
        operation_id="retrieve_order_execution",
        summary="Read an execution of an order",
        tag="Orders",
        scopes=("orders:read", "orders:admin"),
        verb=retrieve_execution,
        answer=ExecutionView,
        errors=(404,),
    ),
]

REPRESENTATIONS: Mapping[str, Representation] = {"execution": Representation(execution_v1, ExecutionView)}
