"""Virtual cash as v1 shows it: what becomes of it is told by events alone."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.declarations import Endpoint, Representation
from openvest.features.virtual_cash.service_calls import (
    VirtualCashCreate,
    VirtualCashDecreaseView,
    VirtualCashIncreaseView,
    cancel_virtual_cash_decrease,
    create_virtual_cash_decrease,
    create_virtual_cash_increase,
    decrease_shown,
    increase_shown,
)
from openvest.operations import V1, Operations

VIRTUAL_CASH = Operations(V1, "Virtual Cash Balances", "virtual_cash_balances", readers=("admin",))

ENDPOINTS: list[Endpoint] = [
    VIRTUAL_CASH.creates(
        "/virtual_cash_balances/increases", create_virtual_cash_increase, VirtualCashIncreaseView,
        body=VirtualCashCreate, status=202, errors=(404, 409, 422),
    ),
    VIRTUAL_CASH.creates(
        "/virtual_cash_balances/decreases", create_virtual_cash_decrease, VirtualCashDecreaseView,
        body=VirtualCashCreate, status=202, errors=(404, 409, 422),
    ),
    VIRTUAL_CASH.deletes(
        "/virtual_cash_balances/decreases/{virtual_cash_decrease_id}", cancel_virtual_cash_decrease, status=202,
        errors=(422,),
    ),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "virtual cash increase": Representation(increase_shown, VirtualCashIncreaseView),
    "virtual cash decrease": Representation(decrease_shown, VirtualCashDecreaseView),
}
