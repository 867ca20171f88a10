"""The port to the banks that hold our accounts: what arrives on them.

A bank (an adapter over its statements, or the simulator) hands over one message per credited transfer. Each message
becomes one inbox row; its external id makes the second delivery of the same transfer a no-op.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class IncomingTransfer:
    """A transfer credited to one of our accounts. `external_id` is the bank's own reference, unique for ever.

    `received_at` is the instant of the credit; the inbox holds the row back until then. `client_reference` is the
    payer's end-to-end id. Units: `amount` in the major unit of the currency, above zero.
    """

    external_id: str
    received_at: datetime
    account_iban: str
    amount: Decimal
    currency: str
    client_reference: str
    counterparty_name: str
    counterparty_iban: str
    counterparty_bic: str | None = None
    remittance_information: str = ""
    virtual_bank_account_id: UUID | None = None
    purpose_code: str | None = None
