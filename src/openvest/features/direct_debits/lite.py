"""Direct debits as lite shows them: under its own names of states, a charge-back among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.lite import EventObjectView, PageQuery, event_object, page_lite, page_of, words_called
from openvest.core.naming import Names
from openvest.core.schema import Body, Id, Instant, PaymentAmount, Unused, View
from openvest.core.schema_payments import Amount, PaymentCurrency, SepaText
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, EventName, Representation
from openvest.features.accounts import model_lite
from openvest.features.direct_debits import service
from openvest.features.direct_debits.model import DirectDebit, DirectDebitStatus, NewDirectDebit
from openvest.operations import LITE, Operations

Status = Literal["NEW", "PROCESSING", "COMPLETED", "FAILED", "REVERSED"]
STATUS: Names[DirectDebitStatus, Status] = Names(
    DirectDebitStatus,
    Status,
    {
        "NEW": "NEW",
        "PROCESSING": "PROCESSING",
        "CONFIRMED": "COMPLETED",
        "CHARGED_BACK": "REVERSED",
        "CANCELLED": "FAILED",
    },
)
NAMES = (STATUS,)


class DirectDebitCreate(Body):
    """Money to be collected under a mandate."""

    user_id: Id = Field(description="The owner of the account group.")
    account_group_id: Id = Field(description="The account group to fund.")
    mandate_id: Id = Field(description="The mandate of its owner to collect under.")
    cash_amount: Amount = Field(description="How much to collect.")
    currency: PaymentCurrency = Field(description="Currency of the amount; EUR is collected.")
    remittance_information: Annotated[SepaText | None, Unused] = Field(
        default=None, description="Text that the payer reads."
    )


class DirectDebitView(View):
    """Money that is collected under a mandate."""

    id: Id = Field(description="Id of the direct debit.")
    user_id: Id = Field(description="The user who is collected from.")
    account_group_id: Id = Field(description="The account group that is funded.")
    mandate_id: Id = Field(description="The mandate it is collected under.")
    cash_amount: PaymentAmount = Field(description="How much is collected.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")
    remittance_information: SepaText | None = Field(default=None, description="Text that the payer reads.")
    status: Status = Field(description="How far it is; COMPLETED once the money is there, REVERSED if it went again.")
    created_at: Instant = Field(description="When it was created.")


DirectDebitPage = page_of(DirectDebitView, "direct debits")

debit_lite = shown(DirectDebitView, DirectDebit, status=lambda debit: STATUS[debit["status"]])
_new_debit = filled(NewDirectDebit, DirectDebitCreate, beside="purpose_code")


async def create_direct_debit(unit: Unit, call: Call) -> Json:
    """Collect money under a mandate."""
    with words_called(model_lite.STATUS):
        return debit_lite(
            snapshot_of(await service.create_direct_debit(unit, _new_debit(call.body, purpose_code=None)))
        )


async def list_direct_debits(unit: Unit, call: Call) -> Json:
    """List direct debits."""
    return page_lite(await service.list_direct_debits(unit, call.query.page_request), debit_lite)


DEBITS = Operations(LITE, "Direct Debits", "payments", readers=("admin", "read"))

ENDPOINTS: list[Endpoint] = [
    DEBITS.lists("/direct_debits", list_direct_debits, DirectDebitPage, query=PageQuery),
    DEBITS.creates("/direct_debits", create_direct_debit, DirectDebitView, body=DirectDebitCreate, errors=(404, 422)),
]

REPRESENTATIONS: Mapping[str, Representation] = {
    "direct debit": Representation(event_object("DIRECT_DEBIT"), EventObjectView)
}
TOLD: Mapping[str, EventName] = {
    f"DIRECT_DEBIT.{status}": f"DIRECT_DEBIT.{word}" for status, word in STATUS.words.items() if word != status
}
