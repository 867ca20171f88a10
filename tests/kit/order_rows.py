"""Orders, street orders and reports as rows in memory, for tests of pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from openvest.features.orders.model import Order
from openvest.features.street.model import Report, StreetOrder

D = Decimal
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


def an_order(**fields: Any) -> Order:
    """A market BUY for 250.00 unless said otherwise; an order by quantity has no amount."""
    zero = D(0)
    amounts = "cash_amount quantity limit_price stop_price fee lock_amount executed_quantity executed_cash".split()
    amounts += "executed_value fee_booked lock_used".split()
    basis: dict[str, Any] = {
        "id": ONE,
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "user_id": ONE,
        "account_id": ONE,
        "account_group_id": ONE,
        "instrument_id": ONE,
        "isin": "IE00B3XXRP09",
        "side": "BUY",
        "order_type": "MARKET",
        "cash_amount": None if "quantity" in fields else "250.00",
        "quantity": None,
        "currency": "EUR",
        "limit_price": None,
        "stop_price": None,
        "expiry_date": date(2226, 3, 2),
        "execution_flow": "STRAIGHT_THROUGH",
        "initiation_flow": "API",
        "fit_acknowledged": None,
        "client_reference": None,
        "decision_maker_id": None,
        "fee": zero,
        "fee_collected": False,
        "fee_type": None,
        "status": "NEW",
        "cancellation_reason": None,
        "due_at": NOW,
        "expires_at": None,
        "mic": "XETR",
        "lock_amount": zero,
        "through": "street",
        "executed_quantity": zero,
        "executed_cash": zero,
        "executed_value": zero,
        "fee_booked": zero,
        "lock_used": zero,
    }
    both = basis | fields
    return Order(**{k: D(v) if k in amounts and v is not None else v for k, v in both.items()})


def processing(**fields: Any) -> Order:
    return an_order(**({"status": "PROCESSING", "due_at": None} | fields))


def a_report(kind: str = "FILL", *, last: bool = False, **fields: str) -> Report:
    numbers = {name: None if name not in fields else D(fields[name]) for name in ("quantity", "cash_amount", "price")}
    return Report(ONE, TWO, ONE, cast(Any, kind), last, due_at=NOW, **numbers)


def a_street_order(**fields: Any) -> StreetOrder:
    basis = StreetOrder(
        TWO, ONE, NOW, ONE, ONE, None, ONE, "IE00B3XXRP09", "XETR", "EUR", "BUY", "MARKET", None, D("250.00"), D(0),
        D(0), None, None, 10, "instant", "WORKING", False, NOW, NOW,
    )  # fmt: skip
    return replace(basis, **fields)
