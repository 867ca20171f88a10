"""What a simulated transfer must be, which account numbers are none, and what answers an instruction."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import pytest
from pydantic import ValidationError
from schwifty import IBAN
from schwifty.exceptions import InvalidCountryCode
from schwifty.registry import get_iban_spec

from openvest.core.bank_accounts import masked_iban, valid_bic, valid_iban
from openvest.core.countries import COUNTRIES
from openvest.features.bank import rules
from openvest.features.bank.service_calls import BankTransactionCreate

TRANSFER = {
    "account": {"iban": "NL70ABNA0106295004"},
    "amount": "1000.00",
    "currency": "EUR",
    "client_reference": "it-0001",
    "counterparty_name": "Erika Beispiel",
    "counterparty_account": {"iban": "DE95500105173934555844"},
}


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


@pytest.mark.parametrize(
    ("now", "leaves", "due"),
    [
        (datetime(2026, 3, 2, 9, 30, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 2, 13, 0, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 2, 13, 0, 1, tzinfo=UTC), datetime(2026, 3, 3, 13, tzinfo=UTC), date(2026, 3, 4)),
        (datetime(2026, 4, 2, 13, 0, tzinfo=UTC), datetime(2026, 4, 7, 12, tzinfo=UTC), date(2026, 4, 8)),
        (datetime(2026, 4, 4, 9, 0, tzinfo=UTC), datetime(2026, 4, 7, 12, tzinfo=UTC), date(2026, 4, 8)),
        (datetime(2026, 12, 24, 9, 0, tzinfo=UTC), datetime(2026, 12, 24, 13, tzinfo=UTC), date(2026, 12, 28)),
    ],
    ids=["before the cut-off", "at it", "after it", "before Easter", "on Easter Saturday", "before Christmas"],
)
def test_an_instruction_leaves_at_a_cut_off_and_is_due_on_the_next_bank_day(
    now: datetime, leaves: datetime, due: date
) -> None:
    assert rules.sending(now, "EUR") == (leaves, due)


@pytest.mark.parametrize(
    ("kind", "line", "reason", "code", "about_it"),
    [
        ("CREDIT_TRANSFER", "SENT", None, "", True),
        ("CREDIT_TRANSFER", "DEBIT", None, "PMNT-ICDT-ESCT", True),
        ("CREDIT_TRANSFER", "CREDIT", "AC04", "PMNT-RCDT-RRTN", True),
        ("CREDIT_TRANSFER", "CREDIT", None, "PMNT-RCDT-ESCT", False),
        ("DIRECT_DEBIT", "REJECTED", "AC04", "", True),
        ("DIRECT_DEBIT", "CREDIT", None, "PMNT-IDDT-ESDD", True),
        ("DIRECT_DEBIT", "CREDIT", None, "PMNT-RCDT-ESCT", False),
        ("DIRECT_DEBIT", "DEBIT", "MD06", "PMNT-IDDT-UPDD", True),
        ("DIRECT_DEBIT", "DEBIT", None, "PMNT-ICDT-ESCT", False),
    ],
)
def test_a_transfer_that_only_quotes_our_id_answers_nothing(
    kind: str, line: str, reason: str | None, code: str, about_it: bool
) -> None:
    assert rules.answers(kind, line, reason, code) is about_it  # pyright: ignore[reportArgumentType] - from a table
