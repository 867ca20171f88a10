"""Cash balance transfers as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from openvest.core.snapshots import Json
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.cash_transfers import service
from openvest.features.cash_transfers.service_calls import (
    CashBalanceTransferCreate,
    CashBalanceTransferView,
    cancel_cash_balance_transfer,
    create_cash_balance_transfer,
    retrieve_cash_balance_transfer,
    transfer_shown,
)
from openvest.operations import V1, Operations

CashBalanceTransferPage = page_of(CashBalanceTransferView, "cash balance transfers")


class CashBalanceTransferQuery(PageQuery):
    """Order of cash balance transfers."""

    sort: Literal["id", "created_at"] = Field(default="created_at", description="Field to order by.")


async def list_cash_balance_transfers(unit: Unit, call: Call) -> Json:
    """List cash balance transfers."""
    return page_v1(await service.list_transfers(unit, call.query.page_request), transfer_shown)


async def list_user_cash_balance_transfers(unit: Unit, call: Call) -> Json:
    """List the cash balance transfers of a user."""
    found = await service.list_transfers(unit, call.query.page_request, call.path["user_id"])
    return page_v1(found, transfer_shown)


TRANSFERS = Operations(V1, "Cash Balance Transfers", "cash_balance_transfers", readers=("admin", "read"))
_ALL = "/payments/cash_balance_transfers"
_ONE = f"{_ALL}/{{cash_balance_transfer_id}}"

ENDPOINTS: list[Endpoint] = [
    TRANSFERS.lists(
        _ALL, list_cash_balance_transfers, CashBalanceTransferPage, query=CashBalanceTransferQuery, errors=(404,)
    ),
    TRANSFERS.lists(
        f"/users/{{user_id}}{_ALL}", list_user_cash_balance_transfers, CashBalanceTransferPage,
        query=CashBalanceTransferQuery,
    ),
    TRANSFERS.creates(
        _ALL, create_cash_balance_transfer, CashBalanceTransferView, body=CashBalanceTransferCreate,
        errors=(404, 409, 422),
    ),
    TRANSFERS.reads(_ONE, retrieve_cash_balance_transfer, CashBalanceTransferView),
    TRANSFERS.deletes(_ONE, cancel_cash_balance_transfer, errors=(422,)),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "cash balance transfer": Representation(transfer_shown, CashBalanceTransferView)
}
