"""The simulated bank transfer in lite, which its reference does not have."""

from __future__ import annotations

from openvest.declarations import Endpoint
from openvest.features.bank.service_calls import (
    BankTransactionCreate,
    BankTransactionView,
    create_test_payment_transaction,
)
from openvest.operations import TESTS_LITE

ENDPOINTS: list[Endpoint] = [
    TESTS_LITE.creates(
        "/tests/payments/transactions", create_test_payment_transaction, BankTransactionView,
        body=BankTransactionCreate, errors=(404, 409, 422),
    ),
]  # fmt: skip
