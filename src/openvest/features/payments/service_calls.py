"""Top-ups and the simulated bank transfer as both contracts take and show them: neither has words of its own for them.

What differs is what differs of all lists and codes, and stands in `v1.py` and `lite.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openvest.core.schema import Body, Id, Instant, PaymentAmount, Unused, View
from openvest.core.schema_payments import TEXT_PATTERN, Amount, Bic, HolderName, Iban, PaymentCurrency, SepaText
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.payments import service
from openvest.features.payments.model import NewTopup, Topup
from openvest.ports.bank import IncomingTransfer


class TopupCreate(Body):
    """Money to be credited now and wired later."""

    account_group_id: Id = Field(description="The account group to credit.")
    cash_amount: Amount = Field(description="How much to credit.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")


class TopupView(View):
    """A top-up."""

    id: Id = Field(description="Id of the top-up.")
    created_at: Instant = Field(description="When it was created.")
    account_group_id: Id = Field(description="The account group that was credited.")
    cash_amount: PaymentAmount = Field(description="How much was credited.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")
    settlement_reference: Annotated[str, Field(max_length=130, pattern=TEXT_PATTERN)] = Field(
        description="The text of the wire that settles it reads `topup` and this reference."
    )
    status: Literal["CONFIRMED", "SETTLED", "CANCELLED"] = Field(description="How far it is.")


class BankAccount(Body):
    """A bank account."""

    iban: Iban = Field(description="Its IBAN, of any registered country; those of more than 30 characters are taken.")


class Bank(Body):
    """A bank."""

    bic: Annotated[Bic | None, Unused] = Field(default=None, description="Its BIC.")


class BankTransactionCreate(Body):
    """A transfer that is to arrive on one of our accounts."""

    account: BankAccount = Field(description="Our account that is credited.")
    amount: Amount = Field(description="How much arrives.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")
    client_reference: Annotated[str, Field(max_length=35, pattern=TEXT_PATTERN)] = Field(
        description="The payer's end-to-end reference."
    )
    counterparty_name: HolderName = Field(description="Who pays.")
    counterparty_account: BankAccount = Field(description="The account the money comes from.")
    counterparty_agent: Bank | None = Field(default=None, description="The payer's bank.")
    remittance_information: Annotated[SepaText | None, Unused] = Field(
        default=None, description="Text of the transfer; `topup` and a settlement reference settle a top-up."
    )
    virtual_bank_account_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The virtual account the transfer is meant for."
    )
    purpose_code: Annotated[Annotated[str, Field(max_length=4)] | None, Unused] = Field(
        default=None, description="ISO 20022 purpose of the transfer."
    )


class BankTransactionView(View):
    """The bank's receipt."""

    id: Id = Field(description="Id of the transfer here.")
    bank_reference: str = Field(description="The bank's own reference.")


topup_shown = shown(TopupView, Topup)
_new_topup = filled(NewTopup, TopupCreate)
_transfer = filled(
    IncomingTransfer,
    BankTransactionCreate,
    beside="external_id received_at",
    account_iban=lambda body: body.account.iban,
    counterparty_iban=lambda body: body.counterparty_account.iban,
    counterparty_bic=lambda body: body.counterparty_agent and body.counterparty_agent.bic,
    remittance_information=lambda body: body.remittance_information or "",
)


async def create_topup(unit: Unit, call: Call) -> Json:
    """Credit an account group now with money that is wired later."""
    return topup_shown(snapshot_of(await service.create_topup(unit, _new_topup(call.body))))


async def retrieve_topup(unit: Unit, call: Call) -> Json:
    """Get a top-up."""
    return topup_shown(snapshot_of(await service.get_topup(unit, call.path["topup_id"])))


async def cancel_topup(unit: Unit, call: Call) -> Json:
    """Cancel a top-up that is confirmed and not spent."""
    await service.cancel_topup(unit, call.path["topup_id"])


async def create_test_payment_transaction(unit: Unit, call: Call) -> Json:
    """Let a bank transfer arrive."""
    reference = str(unit.ids.new("bank_reference"))
    transfer = _transfer(call.body, external_id=reference, received_at=unit.now)
    [receipt] = await service.receive_transfers(unit, [transfer])
    return {"id": str(receipt.id), "bank_reference": receipt.bank_reference}
