"""What tests know of cash balances and transactions."""

from __future__ import annotations

from tests.kit.sample import Sample

SAMPLE = Sample(
    constants={"currency": "EUR"},
    takes_any={"GET /transactions/cash query account_group_id": "a filter: an empty list"},
    whole={
        "GET /account_groups/{account_group_id}/payments/cash_balances data": "one for each currency",
        "lite GET /accounts/{account_id}/cash_balances data": "one for each currency",
    },
)
