"""Cash balance transfers as lite shows them, which its reference does not have."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.lite import PageQuery, page_lite, page_of, words_called
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.accounts.model_lite import STATUS
from openvest.features.cash_transfers import service, service_calls
from openvest.features.cash_transfers.model import EVENTS
from openvest.features.cash_transfers.service_calls import (
    CashBalanceTransferCreate,
    CashBalanceTransferView,
    cancel_cash_balance_transfer,
    retrieve_cash_balance_transfer,
    transfer_shown,
)
from openvest.operations import LITE, Operations

CashBalanceTransferPage = page_of(CashBalanceTransferView, "cash balance transfers")


async def list_user_cash_balance_transfers(unit: Unit, call: Call) -> Json:
    """List the cash balance transfers of a user."""
    found = await service.list_transfers(unit, call.query.page_request, call.path["user_id"])
    return page_lite(found, transfer_shown)


async def create_cash_balance_transfer(unit: Unit, call: Call) -> Json:
    """Transfer cash to another account group of its user."""
    with words_called(STATUS):
        return await service_calls.create_cash_balance_transfer(unit, call)


TRANSFERS = Operations(
    LITE, "Cash Balance Transfers", "cash_balance_transfers", readers=("admin", "read"), addition=True
)
_ALL = "/payments/cash_balance_transfers"
_ONE = f"{_ALL}/{{cash_balance_transfer_id}}"

ENDPOINTS: list[Endpoint] = [
    TRANSFERS.lists(
        f"/users/{{user_id}}{_ALL}", list_user_cash_balance_transfers, CashBalanceTransferPage, query=PageQuery
    ),
    TRANSFERS.creates(
        _ALL, create_cash_balance_transfer, CashBalanceTransferView, body=CashBalanceTransferCreate,
        errors=(404, 409, 422),
    ),
    TRANSFERS.reads(_ONE, retrieve_cash_balance_transfer, CashBalanceTransferView),
    TRANSFERS.deletes(_ONE, cancel_cash_balance_transfer, errors=(422,)),
]  # fmt: skip

UNTOLD: Mapping[str, str] = {
    event.type: "lite has no category for transfers of cash; the balances they change are told" for event in EVENTS
}
