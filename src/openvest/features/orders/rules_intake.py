"""What the schema alone can judge of an order body beyond its single fields: combinations, zeros, fractions.

Source: reference/v1/orders.md sections 1 and 3; CONTRACTS.md rule 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from openvest.core.problems import FieldError


class FeeLike(Protocol):
    """A fee of an order body."""

    @property
    def value_type(self) -> str | None: ...
    @property
    def charge_method(self) -> str | None: ...
    @property
    def cash_amount(self) -> Decimal | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def transaction_fee_model_id(self) -> UUID | None: ...


class BodyLike(Protocol):
    """The fields of an order body that are judged together."""

    @property
    def user_id(self) -> UUID | None: ...
    @property
    def business_id(self) -> UUID | None: ...
    @property
    def cash_amount(self) -> Decimal | None: ...
    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def order_type(self) -> str | None: ...
    @property
    def limit_price(self) -> Decimal | None: ...
    @property
    def stop_price(self) -> Decimal | None: ...
    @property
    def expiry_date(self) -> date | None: ...
    @property
    def fee_configuration(self) -> Sequence[FeeLike] | None: ...


def misfits(body: BodyLike) -> list[FieldError]:
    """Every misfit, by field; none where the body can be taken in."""
    return [*_who(body), *_how_much(body), *_prices(body), *_fees(body)]


def _who(body: BodyLike) -> Iterator[FieldError]:
    if body.user_id is None and body.business_id is None:
        yield FieldError("user_id", "is required where no business_id is given")
    if body.user_id is not None and body.business_id is not None:
        yield FieldError("business_id", "cannot be given beside user_id")


def _how_much(body: BodyLike) -> Iterator[FieldError]:
    cash, quantity = body.cash_amount, body.quantity
    if cash is None and quantity is None:
        yield FieldError("cash_amount", "is required where no quantity is given")
    if cash is not None and quantity is not None:
        yield FieldError("quantity", "cannot be given beside cash_amount")
    for field, value in (("cash_amount", cash), ("quantity", quantity)):
        if value is not None and value == 0:
            yield FieldError(field, "is above zero")
    if quantity is not None and -_exponent(quantity) > 10:
        yield FieldError("quantity", "has at most 10 decimals")
    if body.order_type in ("LIMIT", "STOP"):
        if cash is not None:
            yield FieldError("cash_amount", f"cannot be given for a {body.order_type} order; give a quantity")
        if quantity is not None and _exponent(quantity) < 0:
            yield FieldError("quantity", f"is a whole number for a {body.order_type} order")


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _prices(body: BodyLike) -> Iterator[FieldError]:
    for field, value, kind in (
        ("limit_price", body.limit_price, "LIMIT"),
        ("stop_price", body.stop_price, "STOP"),
    ):
        if body.order_type == kind and value is None:
            yield FieldError(field, f"is required for a {kind} order")
        if body.order_type != kind and value is not None:
            yield FieldError(field, f"can be given for a {kind} order only")
        if value is not None and value == 0:
            yield FieldError(field, "is above zero")


def _fees(body: BodyLike) -> Iterator[FieldError]:
    fees = body.fee_configuration or []
    if len(fees) > 1:
        yield FieldError("fee_configuration", "has one entry: an order has one side")
    for place, fee in enumerate(fees):
        where = f"fee_configuration.{place}"
        absolute = {
            "value_type": fee.value_type,
            "charge_method": fee.charge_method,
            "cash_amount": fee.cash_amount,
            "currency": fee.currency,
        }
        if fee.transaction_fee_model_id is None:
            for name, value in absolute.items():
                if value is None:
                    yield FieldError(f"{where}.{name}", "is required where no transaction_fee_model_id is given")
        else:
            for name, value in absolute.items():
                if value is not None:
                    yield FieldError(f"{where}.{name}", "cannot be given beside transaction_fee_model_id")
