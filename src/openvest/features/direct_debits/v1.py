"""Direct debits as v1 shows them: a charge-back is no status there, the cash transactions tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.naming import Names
from openvest.core.schema import Body, Id, Instant, SignedPaymentAmount, Unused, View
from openvest.core.schema_payments import Amount, PaymentCurrency, PurposeCode, SepaText
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.direct_debits import service
from openvest.features.direct_debits.model import DirectDebit, DirectDebitStatus, NewDirectDebit
from openvest.operations import V1, Operations

Status = Literal["NEW", "PROCESSING", "CONFIRMED", "CANCELLED"]
STATUS: Names[DirectDebitStatus, Status] = Names(
    DirectDebitStatus,
    Status,
    {
        "NEW": "NEW",
        "PROCESSING": "PROCESSING",
        "CONFIRMED": "CONFIRMED",
        "CHARGED_BACK": "CONFIRMED",
        "CANCELLED": "CANCELLED",
    },
)


class DirectDebitCreate(Body):
    """Money to be collected under a mandate."""

    account_group_id: Id = Field(description="The account group to fund.")
    mandate_id: Id = Field(description="The mandate of its owner to collect under.")
    cash_amount: Amount = Field(description="How much to collect.")
    user_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The owner of the account group; not needed.", json_schema_extra={"deprecated": True}
    )
    currency: PaymentCurrency = Field(default="EUR", description="Currency of the amount; EUR is collected.")
    remittance_information: Annotated[SepaText | None, Unused] = Field(
        default=None, description="Text that the payer reads."
    )
    purpose_code: Annotated[PurposeCode | None, Unused] = Field(default=None, description="ISO 20022 purpose.")


class DirectDebitView(View):
    """Money that is collected under a mandate."""

    id: Id = Field(description="Id of the direct debit.")
    created_at: Instant = Field(description="When it was created.")
    user_id: Id | None = Field(default=None, description="The user who is collected from.")
    account_group_id: Id = Field(description="The account group that is funded.")
    mandate_id: Id = Field(description="The mandate it is collected under.")
    cash_amount: SignedPaymentAmount = Field(description="How much is collected.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")
    remittance_information: SepaText | None = Field(default=None, description="Text that the payer reads.")
    purpose_code: PurposeCode | None = Field(default=None, description="ISO 20022 purpose.")
    status: Status = Field(description="How far it is; CONFIRMED once the money is there.")
    cancellation_reason: Literal["CANCELLED_BY_BANK", "CANCELLED_BY_UPVEST", "CANCELLED_BY_CLIENT", "OTHER"] | None = (
        Field(default=None, description="Why it was cancelled.")
    )


DirectDebitPage = page_of(DirectDebitView, "direct debits")


class DirectDebitQuery(PageQuery):
    """Order of direct debits."""

    sort: Literal["id", "created_at"] = Field(default="created_at", description="Field to order by.")


debit_v1 = shown(DirectDebitView, DirectDebit, status=lambda debit: STATUS[debit["status"]])
_new_debit = filled(NewDirectDebit, DirectDebitCreate)


async def create_direct_debit(unit: Unit, call: Call) -> Json:
    """Collect money under a mandate."""
    return debit_v1(snapshot_of(await service.create_direct_debit(unit, _new_debit(call.body))))


async def list_direct_debits(unit: Unit, call: Call) -> Json:
    """List the direct debits of an account group."""
    found = await service.list_direct_debits(unit, call.query.page_request, call.path["account_group_id"])
    return page_v1(found, debit_v1)


async def retrieve_direct_debit(unit: Unit, call: Call) -> Json:
    """Get a direct debit."""
    return debit_v1(snapshot_of(await service.get_direct_debit(unit, call.path["direct_debit_id"])))


DEBITS = Operations(V1, "Direct Debits", "payments", readers=("admin", "read"))

ENDPOINTS: list[Endpoint] = [
    DEBITS.lists(
        "/account_groups/{account_group_id}/payments/direct_debits", list_direct_debits, DirectDebitPage,
        query=DirectDebitQuery,
    ),
    DEBITS.creates(
        "/payments/direct_debits", create_direct_debit, DirectDebitView, body=DirectDebitCreate, errors=(404, 422)
    ),
    DEBITS.reads("/payments/direct_debits/{direct_debit_id}", retrieve_direct_debit, DirectDebitView),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {"direct debit": Representation(debit_v1, DirectDebitView)}
UNTOLD: Mapping[str, str] = {
    "DIRECT_DEBIT.CHARGED_BACK": "v1 has no such status; the cash transaction and the balance are told"
}
