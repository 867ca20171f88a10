"""Top-ups and the simulated bank transfer as both contracts take and show them: neither has words of its own for them.

What differs is what differs of all lists and codes, and stands in `v1.py` and `lite.py`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from openvest.core.schema import Body, Id, Instant, PaymentAmount, Unused, View
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.texts import visible_line
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.payments import rules, service
from openvest.features.payments.model import NewTopup, Topup
from openvest.ports.bank import IncomingTransfer

PaymentCurrency = Literal["EUR", "GBP"]
TEXT_PATTERN = r"^[0-9A-Za-z+?/\-:()\.,'; ]*$"
IBAN_PATTERN = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,26}$"
BIC_PATTERN = "^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$"


def _above_zero(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("is above zero")
    return value


Iban = Annotated[str, AfterValidator(rules.valid_iban), WithJsonSchema({"type": "string", "pattern": IBAN_PATTERN})]
"""Described by the pattern of the reference, which ends at 30 characters; taken is what the IBAN registry knows."""
Bic = Annotated[str, Field(pattern=BIC_PATTERN), AfterValidator(rules.valid_bic)]
SepaText = Annotated[str, Field(max_length=140, pattern=TEXT_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=140), AfterValidator(visible_line)]
Amount = Annotated[PaymentAmount, AfterValidator(_above_zero)]


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
    counterparty_name: Name = Field(description="Who pays.")
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
