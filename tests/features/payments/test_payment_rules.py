"""What a wire's text names, which wire settles what, and which account numbers are none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest
from pydantic import ValidationError
from schwifty import IBAN
from schwifty.exceptions import InvalidCountryCode
from schwifty.registry import get_iban_spec

from openvest.core.bank_accounts import masked_iban, valid_bic, valid_iban
from openvest.core.countries import COUNTRIES
from openvest.core.ids import deterministic_id
from openvest.features.payments import rules
from openvest.features.payments.model import BankLine, Topup
from openvest.features.payments.service_calls import BankTransactionCreate, TopupCreate

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
REFERENCE = "0b8f1d3e-5c7a-4e2b-9d6f-1a2b3c4d5e6f"
TOPUP = Topup(
    deterministic_id("group"), Decimal("1000.00"), "EUR", deterministic_id("topup"), 1, AT, AT, "CONFIRMED", REFERENCE
)
WIRE = BankLine(deterministic_id("line"), Decimal("1000"), "EUR", f"topup {REFERENCE}")
TRANSFER = {
    "account": {"iban": "NL70ABNA0106295004"},
    "amount": "1000.00",
    "currency": "EUR",
    "client_reference": "it-0001",
    "counterparty_name": "Erika Beispiel",
    "counterparty_account": {"iban": "DE95500105173934555844"},
}


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


def test_a_transfer_as_published_is_taken() -> None:
    body = BankTransactionCreate.model_validate(
        TRANSFER
        | {"counterparty_agent": {"bic": "DEUTDEFF"}, "remittance_information": "CF960253053", "purpose_code": ""}
    )
    assert body.amount == Decimal("1000.00")
    assert body.purpose_code is None
    assert body.counterparty_agent is not None and body.counterparty_agent.bic == "DEUTDEFF"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"account": {"iban": "NL71ABNA0106295004"}}, "account.iban"),
        ({"account": {"iban": "nl70abna0106295004"}}, "account.iban"),
        ({"account": {"iban": "NL70 ABNA 0106 2950 04"}}, "account.iban"),
        ({"counterparty_account": {"iban": "ZZ95500105173934555844"}}, "counterparty_account.iban"),
        ({"counterparty_account": {}}, "counterparty_account.iban"),
        ({"amount": "0.00"}, "amount"),
        ({"amount": "10.5"}, "amount"),
        ({"amount": 10}, "amount"),
        ({"amount": "-10.00"}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"client_reference": "x" * 36}, "client_reference"),
        ({"client_reference": "50 % & more"}, "client_reference"),
        ({"counterparty_name": " "}, "counterparty_name"),
        ({"virtual_bank_account_id": "none"}, "virtual_bank_account_id"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_transfer_with_a_field_error_is_named(changed: dict[str, object], field: str) -> None:
    assert any(name.startswith(field) for name in field_errors(BankTransactionCreate, TRANSFER | changed))


@pytest.mark.parametrize("bic", ["DEUTDEF", "XXXXXXXX", "deutdeff"])
def test_a_bank_that_is_none_is_refused(bic: str) -> None:
    assert field_errors(BankTransactionCreate, TRANSFER | {"counterparty_agent": {"bic": bic}})


@pytest.mark.parametrize("bic", ["NCBVXKPR", "NCBVXKPRXXX", "DEUTDEFF", "BARCGB22", "CHASUS33", "BOFAUS6SXXX"])
def test_banks_are_taken_wherever_swift_knows_some(bic: str) -> None:
    assert valid_bic(bic) == bic


@pytest.mark.parametrize("bic", ["NCBVXXPR", "NCBVZZPR", "NCBVXKP", "NCBVXKPRXX", "ncbvxkpr", "NCBV XKPR"])
def test_no_other_code_that_iso_leaves_to_its_users_is_a_bank(bic: str) -> None:
    assert field_errors(BankTransactionCreate, TRANSFER | {"counterparty_agent": {"bic": bic}})


@pytest.mark.parametrize(
    ("iban", "length"),
    [
        ("MT84MALT011000012345MTLCAST001S", 31),
        ("SC18SSCB11010000000000001497USD", 31),
        ("LC55HEMM000100010012001200023015", 32),
        ("RU0304452522540817810538091310419", 33),
        ("XK051212012345678906", 20),
        ("NO9386011117947", 15),
    ],
)
def test_ibans_are_as_long_as_their_country_makes_them(iban: str, length: int) -> None:
    assert len(valid_iban(iban)) == length
    assert len(masked_iban(iban)) == 20
    assert field_errors(BankTransactionCreate, TRANSFER | {"account": {"iban": iban + "0"}})


def test_an_iban_of_every_country_of_the_registry_is_taken() -> None:
    source, countries = Random(8), sorted(COUNTRIES | {"XK"})
    found: set[str] = set()
    for country in countries:
        try:
            get_iban_spec(country)
        except InvalidCountryCode:
            continue
        iban = str(IBAN.random(country, random=source, use_registry=False))
        BankTransactionCreate.model_validate(TRANSFER | {"counterparty_account": {"iban": iban}})
        found.add(country)
    assert len(found) > 85
    assert {"MT", "LC", "SC", "RU", "YE", "XK", "DJ", "NI", "HN"} <= found


def test_all_field_errors_of_a_topup_are_told_at_once() -> None:
    assert field_errors(TopupCreate, {"account_group_id": "x", "cash_amount": "0", "currency": "CHF"}) == [
        "account_group_id",
        "cash_amount",
        "currency",
    ]
