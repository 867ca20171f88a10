"""What the schema alone can judge of an order body beyond its single fields: combinations, zeros, fractions.

Source: reference (orders); CONTRACTS.md rule 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
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


class TradeLike(Protocol):
    """What an order body says of the trade."""

    @property
    def cash_amount(self) -> Decimal | None: ...
    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def limit_price(self) -> Decimal | None: ...
    @property
    def stop_price(self) -> Decimal | None: ...


class BodyLike(TradeLike, Protocol):
    """The fields of an order body that are judged together."""

    @property
    def user_id(self) -> UUID | None: ...
    @property
    def business_id(self) -> UUID | None: ...
    @property
    def order_type(self) -> str | None: ...
    @property
    def fee_configuration(self) -> Sequence[FeeLike] | None: ...


def field_errors(body: BodyLike, unfit: Set[str] = frozenset()) -> Iterator[FieldError]:
    """Every field error, by field; none where the body can be taken in. What is `unfit` was given, but is None."""
    yield from _one_of(body, unfit, "user_id", "business_id")
    yield from trade_errors(body, None if "order_type" in unfit else body.order_type or "MARKET", unfit)
    yield from _fees(body)


def trade_errors(body: TradeLike, order_type: str | None, unfit: Set[str] = frozenset()) -> Iterator[FieldError]:
    """The field errors of the trade itself. `order_type` None: it does not fit, and nothing is judged by it."""
    yield from _one_of(body, unfit, "cash_amount", "quantity")
    yield from _how_much(body)
    if order_type is not None:
        yield from _of_the_type(body, order_type, unfit)


def _one_of(body: TradeLike, unfit: Set[str], one: str, other: str) -> Iterator[FieldError]:
    given = [name for name in (one, other) if name in unfit or getattr(body, name) is not None]
    if not given:
        yield FieldError(one, f"is required where no {other} is given")
    if len(given) == 2:
        yield FieldError(other, f"cannot be given beside {one}")


def _how_much(body: TradeLike) -> Iterator[FieldError]:
    for field in ("cash_amount", "quantity", "limit_price", "stop_price"):
        if getattr(body, field) == 0:
            yield FieldError(field, "is above zero")
    if body.quantity is not None and decimals_of(body.quantity) > 10:
        yield FieldError("quantity", "has at most 10 decimals")


def _of_the_type(body: TradeLike, order_type: str, unfit: Set[str]) -> Iterator[FieldError]:
    cash, quantity = body.cash_amount, body.quantity
    if order_type in ("LIMIT", "STOP"):
        if cash is not None:
            yield FieldError("cash_amount", f"cannot be given for a {order_type} order; give a quantity")
        if quantity is not None and decimals_of(quantity) > 0:
            yield FieldError("quantity", f"is a whole number for a {order_type} order")
    for field, value, kind in (
        ("limit_price", body.limit_price, "LIMIT"),
        ("stop_price", body.stop_price, "STOP"),
    ):
        if order_type == kind and value is None and field not in unfit:
            yield FieldError(field, f"is required for a {kind} order")
        if order_type != kind and value is not None:
            yield FieldError(field, f"can be given for a {kind} order only")


def decimals_of(value: Decimal) -> int:
    """How many decimals it has. Why not `normalize`: that rounds to the context's precision, which is fewer digits."""
    _, _, fraction = f"{value:f}".partition(".")
    return len(fraction.rstrip("0"))


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
