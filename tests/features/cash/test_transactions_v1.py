"""Cash balances, positions and transactions as v1 shows them: figures, texts of amounts, what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from openvest.core.ids import deterministic_id
from openvest.core.money import Money
from openvest.core.snapshots import snapshot_of
from openvest.core.vocabulary import CASH_TYPES, SECURITIES_TYPES
from openvest.features.cash.model import (
    CashTransaction,
    Fee,
    Instrument,
    Reference,
    Tax,
    cash_balance_of,
)
from openvest.features.cash.v1 import cash_balance_v1, cash_transaction_v1
from openvest.features.positions.model import Position, SecuritiesTransaction
from openvest.features.positions.model import Reference as SecuritiesReference
from openvest.features.positions.v1 import position_v1, securities_transaction_v1
from openvest.ledger.chart import Balance, balance_id

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GROUP, ACCOUNT, ORDER, EXECUTION = (deterministic_id(name) for name in ("group", "account", "order", "execution"))
APPLE = Instrument(deterministic_id("apple"), "US0378331005")
FIGURES = "available locked withdrawing covering blocked due unsettled_in unsettled_out".split()


def balance(**figures: str) -> Balance:
    buckets = [Decimal(figures.get(name, "0")) for name in FIGURES]
    return Balance(1, balance_id(GROUP, "EUR"), GROUP, "EUR", *buckets, version=1, created_at=AT, updated_at=AT)


SALE = CashTransaction(
    id=deterministic_id("transaction"),
    account_group_id=GROUP,
    type="ORDER_EXECUTION",
    delta=Money(Decimal("828.75"), "EUR"),
    references=(Reference(EXECUTION, "ORDER_EXECUTION"), Reference(ORDER, "ORDER")),
    booking_date=AT,
    value_date=datetime(2026, 3, 4, tzinfo=UTC),
    created_at=AT,
    account_id=ACCOUNT,
    instrument=APPLE,
    taxes=(
        Tax("CAPITAL_GAINS", Decimal("162.33"), "DE"),
        Tax("SOLIDARITY_SURCHARGE", Decimal("8.92"), "DE"),
    ),
    fees=(Fee(Decimal("1.5"), "COLLECTED_BY_UPVEST"),),
)


@pytest.mark.parametrize(
    ("figures", "shown"),
    [
        ({"locked": "1000"}, "1000.00 1000.00 0.00 0.00 0.00"),
        ({}, "0.00 0.00 0.00 0.00 0.00"),
        ({"available": "828.75", "unsettled_in": "828.75"}, "828.75 0.00 828.75 0.00 828.75"),
        ({"available": "328.75", "unsettled_in": "828.75"}, "328.75 0.00 828.75 -500.00 328.75"),
        ({"withdrawing": "200"}, "200.00 0.00 0.00 0.00 0.00"),
        ({"covering": "10.1"}, "10.10 0.00 10.10 0.00 0.00"),
        ({"due": "-243"}, "-243.00 0.00 0.00 -243.00 -243.00"),
    ],
    ids="order_new order_filled sold sold_then_bought withdrawing covering debt".split(),
)
def test_the_five_figures_of_a_cash_balance(figures: dict[str, str], shown: str) -> None:
    seen = cash_balance_v1(snapshot_of(cash_balance_of(balance(**figures))))
    names = "balance locked_for_trading pending_settlement available_for_withdrawal available_for_trading".split()
    assert " ".join(seen[name] for name in names) == shown
    assert (seen["account_group_id"], seen["currency"]) == (str(GROUP), "EUR")


def test_a_taxed_sale_shows_each_tax_their_sum_and_its_causes() -> None:
    assert cash_transaction_v1(snapshot_of(SALE)) == {
        "id": str(SALE.id),
        "created_at": "2026-03-02T09:30:00Z",
        "updated_at": "2026-03-02T09:30:00Z",
        "account_group_id": str(GROUP),
        "account_id": str(ACCOUNT),
        "instrument": {"uuid": str(APPLE.uuid), "isin": "US0378331005"},
        "type": "ORDER_EXECUTION",
        "delta": {"amount": "828.75", "currency": "EUR"},
        "taxes": [{"amount": "171.25", "currency": "EUR", "type": "TOTAL"}],
        "taxes_details": {
            "total_amount": {"amount": "171.25", "currency": "EUR"},
            "tax_breakdown": [
                {"amount": "162.33", "currency": "EUR", "type": "CAPITAL_GAINS", "taxing_jurisdiction": "DE"},
                {"amount": "8.92", "currency": "EUR", "type": "SOLIDARITY_SURCHARGE", "taxing_jurisdiction": "DE"},
            ],
        },
        "fees": [{"amount": "1.50", "currency": "EUR", "type": "TOTAL", "charge_method": "COLLECTED_BY_UPVEST"}],
        "references": [{"id": str(EXECUTION), "type": "ORDER_EXECUTION"}, {"id": str(ORDER), "type": "ORDER"}],
        "booking_date": "2026-03-02T09:30:00Z",
        "value_date": "2026-03-04T00:00:00Z",
    }


def test_a_payment_has_neither_account_nor_instrument_nor_taxes() -> None:
    paid = replace(SALE, type="TOPUP", account_id=None, instrument=None, taxes=(), fees=())
    seen = cash_transaction_v1(snapshot_of(paid))
    assert "account_id" not in seen
    assert "instrument" not in seen
    assert (seen["taxes"], seen["fees"]) == ([], [])
    assert seen["taxes_details"] == {"total_amount": {"amount": "0.00", "currency": "EUR"}, "tax_breakdown": []}


def test_a_position_shows_quantities_without_trailing_zeros_and_no_price() -> None:
    position = Position(
        id=deterministic_id("position"),
        account_id=ACCOUNT,
        instrument=APPLE,
        quantity=Decimal("10.4000"),
        locked_for_trading=Decimal("5"),
        pending_settlement=Decimal("2.2"),
        available_for_trading=Decimal("5.4"),
        settled_quantity=Decimal("8.2"),
        average_price=Decimal("115.05"),
        currency="EUR",
        created_at=AT,
        updated_at=AT,
    )
    assert position_v1(snapshot_of(position)) == {
        "account_id": str(ACCOUNT),
        "instrument": {"uuid": str(APPLE.uuid), "isin": "US0378331005"},
        "quantity": "10.4",
        "locked_for_trading": "5",
        "pending_settlement": "2.2",
        "available_for_trading": "5.4",
        "available_for_instruction": "5.4",
        "settled_quantity": "8.2",
    }


def test_a_securities_transaction_shows_units_moved() -> None:
    sold = SecuritiesTransaction(
        id=deterministic_id("transaction"),
        account_group_id=GROUP,
        account_id=ACCOUNT,
        instrument=Instrument(APPLE.uuid, None),
        type="ORDER_EXECUTION",
        delta=Decimal("-2.5234543879"),
        references=(SecuritiesReference(ORDER, "ORDER"),),
        booking_date=AT,
        value_date=AT,
        created_at=AT,
    )
    seen = securities_transaction_v1(snapshot_of(sold))
    assert seen["delta"] == {"amount": "-2.5234543879"}
    assert seen["instrument"] == {"uuid": str(APPLE.uuid)}
    assert seen["references"] == [{"id": str(ORDER), "type": "ORDER"}]


def test_the_published_types_are_two_lists_with_most_in_common() -> None:
    assert len(set(CASH_TYPES)) == len(CASH_TYPES)
    assert len(set(SECURITIES_TYPES)) == len(SECURITIES_TYPES)
    assert set(CASH_TYPES) & set(SECURITIES_TYPES) >= {"ORDER_EXECUTION", "ORDER_EXECUTION_CANCELLATION", "WORTHLESS"}
    assert "TOPUP" in CASH_TYPES and "TOPUP" not in SECURITIES_TYPES
    assert "DUST_CLEANUP" in SECURITIES_TYPES and "DUST_CLEANUP" not in CASH_TYPES
