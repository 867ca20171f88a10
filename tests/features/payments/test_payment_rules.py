"""What a wire's text names, and which wire settles what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from openvest.core.ids import deterministic_id
from openvest.features.bank.model import BankLine
from openvest.features.payments import rules
from openvest.features.payments.model import Topup
from openvest.features.payments.service_calls import TopupCreate

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
REFERENCE = "0b8f1d3e-5c7a-4e2b-9d6f-1a2b3c4d5e6f"
TOPUP = Topup(
    deterministic_id("group"), Decimal("1000.00"), "EUR", deterministic_id("topup"), 1, AT, AT, "CONFIRMED", REFERENCE
)
WIRE = BankLine(
    deterministic_id("line"), "CREDIT", Decimal("1000"), "EUR", AT.date(), AT.date(), "", f"topup {REFERENCE}",
    None, "", None, None, None, None, b"",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (f"topup {REFERENCE}", REFERENCE),
        (f"TOPUP  {REFERENCE.upper()}", REFERENCE),
        (f"Payment of March, topup {REFERENCE}.", REFERENCE),
        (REFERENCE, None),
        (f"topup{REFERENCE}", None),
        (f"stopup {REFERENCE}", None),
        (f"topup {REFERENCE}0", None),
        (f"topup {REFERENCE[:-1]}", None),
        ("CF960253053", None),
        ("", None),
    ],
)
def test_the_text_of_a_wire_names_its_topup(text: str, reference: str | None) -> None:
    assert rules.named_reference(text) == reference


def test_a_wire_settles_the_topup_it_pays_to_the_cent() -> None:
    assert rules.settles(WIRE, TOPUP)


@pytest.mark.parametrize(
    ("wire", "topup"),
    [
        (replace(WIRE, amount=Decimal("999.99")), TOPUP),
        (replace(WIRE, amount=Decimal("1000.01")), TOPUP),
        (replace(WIRE, currency="GBP"), TOPUP),
        (WIRE, replace(TOPUP, status="SETTLED")),
        (WIRE, replace(TOPUP, status="CANCELLED")),
    ],
    ids=["less", "more", "other currency", "settled", "cancelled"],
)
def test_any_other_wire_settles_nothing(wire: BankLine, topup: Topup) -> None:
    assert not rules.settles(wire, topup)


@pytest.mark.parametrize("status", ["SETTLED", "CANCELLED"])
def test_only_a_confirmed_topup_may_be_cancelled(status: str) -> None:
    rules.may_cancel(TOPUP)
    with pytest.raises(rules.TopupIsFinal) as refused:
        rules.may_cancel(replace(TOPUP, status=status))
    assert refused.value.status == 422


def field_errors(model: type, body: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    return sorted({".".join(str(part) for part in error["loc"]) for error in refused.value.errors()})


def test_all_field_errors_of_a_topup_are_told_at_once() -> None:
    assert field_errors(TopupCreate, {"account_group_id": "x", "cash_amount": "0", "currency": "CHF"}) == [
        "account_group_id",
        "cash_amount",
        "currency",
    ]
