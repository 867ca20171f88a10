"""The simulated bank transfer of v1."""

from __future__ import annotations

from openvest.declarations import Endpoint
from openvest.features.bank.service_calls import (
    BankTransactionCreate,
    BankTransactionView,
    create_test_payment_transaction,
)
from openvest.operations import TESTS

ENDPOINTS: list[Endpoint] = [
    TESTS.creates(
        "/tests/payments/transactions", create_test_payment_transaction, BankTransactionView,
        body=BankTransactionCreate, errors=(404, 409, 422), addition=False,
    ),
]  # fmt: skip
