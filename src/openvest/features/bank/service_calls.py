"""The simulated bank transfer as both contracts take and show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from openvest.core.banking import Party
from openvest.core.schema import Body, Id, Unused, View
from openvest.core.schema_payments import (
    TEXT_PATTERN,
    Amount,
    Bic,
    HolderName,
    Iban,
    PaymentCurrency,
    PurposeCode,
    SepaText,
)
from openvest.core.snapshots import Json
from openvest.core.trading_calendar import next_payment_day
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.bank import service
from openvest.features.bank.model import BOOKING_TIME, bank_instant
from openvest.ports.bank import Entry

RECALLED = "credit-funding-recalled"
"""In the text of a transfer: the payer's bank recalls it on the next day of payments."""


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
        default=None,
        description="Text of the transfer: `topup` and a settlement reference settle a top-up, `CF` and a securities"
        f" account number fund an account group, and with `{RECALLED}` in it the transfer is recalled a day later.",
    )
    virtual_bank_account_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The virtual bank account the transfer is sent to."
    )
    purpose_code: Annotated[PurposeCode | None, Unused] = Field(
        default=None, description="ISO 20022 purpose of the transfer."
    )


class BankTransactionView(View):
    """The bank's receipt."""

    id: Id = Field(description="Id of the transfer here.")
    bank_reference: str = Field(description="The bank's own reference.")


async def create_test_payment_transaction(unit: Unit, call: Call) -> Json:
    """Let a bank transfer arrive."""
    said: BankTransactionCreate = call.body
    agent = said.counterparty_agent
    transfer = Entry(
        external_id=str(unit.ids.new("bank_reference")),
        received_at=unit.now,
        kind="CREDIT",
        account_iban=said.account.iban,
        amount=said.amount,
        currency=said.currency,
        booking_on=unit.now.date(),
        value_on=unit.now.date(),
        end_to_end_id=said.client_reference,
        counterparty=Party(said.counterparty_name, said.counterparty_account.iban, agent and agent.bic),
        remittance_information=said.remittance_information or "",
        transaction_code="PMNT-RCDT-ESCT",
        virtual_bank_account_id=said.virtual_bank_account_id,
        purpose_code=said.purpose_code,
    )
    recalls = [_recall(transfer)] if RECALLED in transfer.remittance_information.lower() else []
    receipt, *_ = await service.receive(unit, [transfer, *recalls])
    return {"id": str(receipt.id), "bank_reference": receipt.bank_reference}


def _recall(transfer: Entry) -> Entry:
    day = next_payment_day(transfer.currency, transfer.booking_on)
    return replace(
        transfer,
        external_id=f"{transfer.external_id} recalled",
        received_at=bank_instant(transfer.currency, day, BOOKING_TIME),
        kind="DEBIT",
        booking_on=day,
        value_on=day,
        return_reason="FOCR",
        transaction_code="PMNT-RCDT-RPCR",
    )
