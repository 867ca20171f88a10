"""Virtual cash as lite shows it, which its reference does not have: nor events of it, so it can be read."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.lite import words_called
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.accounts.model_lite import STATUS
from openvest.features.virtual_cash import service, service_calls
from openvest.features.virtual_cash.model import EVENTS
from openvest.features.virtual_cash.service_calls import (
    VirtualCashCreate,
    VirtualCashDecreaseView,
    VirtualCashIncreaseView,
    cancel_virtual_cash_decrease,
    decrease_shown,
    increase_shown,
)
from openvest.operations import LITE, Operations


async def create_virtual_cash_increase(unit: Unit, call: Call) -> Json:
    """Increase what an account group can trade with by money that its client firm keeps."""
    with words_called(STATUS):
        return await service_calls.create_virtual_cash_increase(unit, call)


async def retrieve_virtual_cash_increase(unit: Unit, call: Call) -> Json:
    """Get a virtual cash increase."""
    return increase_shown(snapshot_of(await service.get_increase(unit, call.path["virtual_cash_increase_id"])))


async def create_virtual_cash_decrease(unit: Unit, call: Call) -> Json:
    """Decrease the virtual cash of an account group as soon as the money is there."""
    with words_called(STATUS):
        return await service_calls.create_virtual_cash_decrease(unit, call)


async def retrieve_virtual_cash_decrease(unit: Unit, call: Call) -> Json:
    """Get a virtual cash decrease."""
    return decrease_shown(snapshot_of(await service.get_decrease(unit, call.path["virtual_cash_decrease_id"])))


VIRTUAL_CASH = Operations(LITE, "Virtual Cash Balances", "virtual_cash_balances", readers=("admin",), addition=True)
_INCREASES, _DECREASES = "/virtual_cash_balances/increases", "/virtual_cash_balances/decreases"
_DECREASE = f"{_DECREASES}/{{virtual_cash_decrease_id}}"

ENDPOINTS: list[Endpoint] = [
    VIRTUAL_CASH.creates(
        _INCREASES, create_virtual_cash_increase, VirtualCashIncreaseView, body=VirtualCashCreate,
        errors=(404, 409, 422),
    ),
    VIRTUAL_CASH.reads(
        f"{_INCREASES}/{{virtual_cash_increase_id}}", retrieve_virtual_cash_increase, VirtualCashIncreaseView
    ),
    VIRTUAL_CASH.creates(
        _DECREASES, create_virtual_cash_decrease, VirtualCashDecreaseView, body=VirtualCashCreate,
        errors=(404, 409, 422),
    ),
    VIRTUAL_CASH.reads(_DECREASE, retrieve_virtual_cash_decrease, VirtualCashDecreaseView),
    VIRTUAL_CASH.deletes(_DECREASE, cancel_virtual_cash_decrease, errors=(422,)),
]  # fmt: skip

UNTOLD: Mapping[str, str] = {
    event.type: "lite has no category for virtual cash; the balance it changes is told" for event in EVENTS
}
