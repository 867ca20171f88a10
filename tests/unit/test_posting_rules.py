"""Every posting rule makes a journal that sums to zero per asset, its memo legs by themselves, whatever the facts."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest.core.ids import deterministic_id
from openvest.ledger import posting_rules, trades
from openvest.ledger.chart import HOUSE_BUCKETS, MEMO_BUCKETS, OWNER_BUCKETS, Leg, owner_kind, units_of
from openvest.ledger.posting_rules import FORCED, PAYOUTS, Journal, Kind
from openvest.ledger.trades import Side, StreetTrade, Taxes, Trade

DAY, NEXT_DAY = date(2026, 3, 2), date(2026, 3, 3)
OBJECT, GROUP, OTHER, ACCOUNT, INSTRUMENT = (
    deterministic_id("rule", name) for name in ("object", "group", "other group", "account", "x")
)
SIDES: list[Side] = ["BUY", "SELL"]
cash = st.decimals("0.01", "999999999.99", places=2)
units = st.decimals("0.0000000001", "999999", places=10)


@st.composite
def a_trade(draw: st.DrawFn) -> Trade:
    gross = draw(cash)
    share = draw(st.decimals("0", "1", places=2))
    return Trade(
        OBJECT,
        deterministic_id("rule", "order"),
        draw(st.sampled_from(SIDES)),
        GROUP,
        ACCOUNT,
        INSTRUMENT,
        "EUR",
        draw(units),
        gross,
        DAY,
        NEXT_DAY,
        draw(st.sampled_from([Decimal(0), Decimal("1.00"), gross, gross + 1])),
        Taxes((gross * share / 4).quantize(Decimal("0.01")), draw(st.sampled_from([Decimal(0), Decimal("0.05")]))),
        draw(st.sampled_from(["street", "fractions"])),
        draw(st.sampled_from([Decimal("-0.01"), Decimal(0), Decimal("0.01")])),
    )


@st.composite
def a_street_trade(draw: st.DrawFn) -> StreetTrade:
    side = draw(st.sampled_from(SIDES))
    return StreetTrade(OBJECT, side, INSTRUMENT, "EUR", draw(units), draw(cash), DAY, NEXT_DAY)


MONEY: dict[str, Callable[[Decimal], Journal]] = {
    "topup": lambda a: posting_rules.topup(OBJECT, GROUP, "EUR", a, DAY),
    "topup_settled": lambda a: posting_rules.topup_settled(OBJECT, "EUR", a, DAY),
    "topup_cancellation": lambda a: posting_rules.topup_cancellation(OBJECT, GROUP, "EUR", a, DAY),
    "payment_unmatched": lambda a: posting_rules.payment_unmatched(OBJECT, "EUR", a, DAY),
    "payment_returned": lambda a: posting_rules.payment_returned(OBJECT, "EUR", a, DAY),
    "credit_funding": lambda a: posting_rules.credit_funding(OBJECT, GROUP, "EUR", a, DAY, source="suspense"),
    "credit_funding_charge_back": lambda a: posting_rules.credit_funding_charge_back(OBJECT, GROUP, "EUR", a, DAY),
    "sepa_direct_debit": lambda a: posting_rules.sepa_direct_debit(OBJECT, GROUP, "EUR", a, DAY),
    "direct_debit_charge_back": lambda a: posting_rules.direct_debit_charge_back(OBJECT, GROUP, "EUR", a, DAY),
    "direct_debit_fee": lambda a: posting_rules.direct_debit_fee(OBJECT, GROUP, "EUR", a, DAY),
    "debt_waived": lambda a: posting_rules.debt_waived(OBJECT, GROUP, "EUR", a, DAY),
    "reserve_withdrawal": lambda a: posting_rules.reserve_withdrawal(OBJECT, GROUP, "EUR", a, DAY),
    "release_withdrawal": lambda a: posting_rules.release_withdrawal(OBJECT, GROUP, "EUR", a, DAY),
    "withdrawal": lambda a: posting_rules.withdrawal(OBJECT, GROUP, "EUR", a, DAY, tax=Decimal("0.01")),
    "withdrawal_cancellation": lambda a: posting_rules.withdrawal_cancellation(OBJECT, GROUP, "EUR", a, DAY),
    "reserve_transfer": lambda a: posting_rules.reserve_transfer(OBJECT, GROUP, "EUR", a, DAY),
    "release_transfer": lambda a: posting_rules.release_transfer(OBJECT, GROUP, "EUR", a, DAY),
    "cash_balance_transfer": lambda a: posting_rules.cash_balance_transfer(OBJECT, GROUP, OTHER, "EUR", a, DAY),
    "virtual_cash_increase": lambda a: posting_rules.virtual_cash_increase(OBJECT, GROUP, "EUR", a, DAY),
    "reserve_decrease": lambda a: posting_rules.reserve_decrease(OBJECT, GROUP, "EUR", a, DAY),
    "release_decrease": lambda a: posting_rules.release_decrease(OBJECT, GROUP, "EUR", a, DAY),
    "virtual_cash_decrease": lambda a: posting_rules.virtual_cash_decrease(OBJECT, GROUP, "EUR", a, DAY),
    "dust_cleanup": lambda a: posting_rules.dust_cleanup(OBJECT, ACCOUNT, INSTRUMENT, a, DAY),
    "segregation": lambda a: posting_rules.segregation(DAY, "EUR", a),
    "reserve_cash": lambda a: posting_rules.reserve_cash(OBJECT, GROUP, "EUR", a, DAY),
    "release_cash": lambda a: posting_rules.release_cash(OBJECT, GROUP, "EUR", a, DAY),
    "reserve_units": lambda a: posting_rules.reserve_units(OBJECT, ACCOUNT, INSTRUMENT, a, DAY),
    "release_units": lambda a: posting_rules.release_units(OBJECT, ACCOUNT, INSTRUMENT, a, DAY),
}
TRADES: dict[str, Callable[[Trade], Journal]] = {
    "order_execution": trades.order_execution,
    "settlement": lambda t: trades.settlement(t, NEXT_DAY),
    "execution_cancellation": lambda t: trades.execution_cancellation(t, NEXT_DAY),
    "execution_cancellation, settled": lambda t: trades.execution_cancellation(t, NEXT_DAY, street_on=NEXT_DAY),
    "cancellation_settlement": lambda t: trades.cancellation_settlement(t, NEXT_DAY, NEXT_DAY),
}
STREETS: dict[str, Callable[[StreetTrade], Journal]] = {
    "street_execution": trades.street_execution,
    "street_execution_cancellation": lambda s: trades.street_execution_cancellation(s, NEXT_DAY),
}


def sound(journal: Journal) -> None:
    """Zero by asset and memo; only buckets that exist, never `due`; no empty leg; a day for the street."""
    sums: defaultdict[tuple[str, bool], Decimal] = defaultdict(Decimal)
    for leg in journal.legs:
        sums[leg.asset, leg.bucket in MEMO_BUCKETS] += leg.amount
        assert leg.amount
        if leg.owner_id is None:
            assert leg.bucket in HOUSE_BUCKETS
            assert (leg.bucket == "street") == (leg.detail != "")
        else:
            assert leg.bucket in OWNER_BUCKETS[owner_kind(leg.asset)] and leg.bucket != "due"
            assert leg.bucket != "locked" or journal.lock_id is not None
    assert journal.legs and not any(sums.values()), dict(sums)


def kinds_made() -> set[str]:
    trade = Trade(OBJECT, OBJECT, "BUY", GROUP, ACCOUNT, INSTRUMENT, "EUR", Decimal(1), Decimal(1), DAY, NEXT_DAY)
    street = StreetTrade(OBJECT, "BUY", INSTRUMENT, "EUR", Decimal(1), Decimal(1), DAY, NEXT_DAY)
    made = [rule(Decimal(1)) for rule in MONEY.values()]
    made += [rule(trade) for rule in TRADES.values()] + [rule(street) for rule in STREETS.values()]
    return {journal.kind for journal in made}


def test_every_kind_and_every_recipe_stands_in_the_tables_of_this_test() -> None:
    assert kinds_made() == set(get_args(Kind))
    tested = {name.partition(",")[0] for name in (*MONEY, *TRADES, *STREETS)} | {"street_settlement", "journal_of"}
    public = {
        name
        for module in (posting_rules, trades)
        for name, thing in inspect.getmembers(module, inspect.isfunction)
        if thing.__module__ == module.__name__ and not name.startswith("_") and name != "house"
    }
    assert public == tested
    assert set(get_args(Kind)) >= FORCED | PAYOUTS


@pytest.mark.parametrize("name", MONEY)
@given(amount=cash.filter(lambda a: a > Decimal("0.01")))
def test_money_posting_rules_sum_to_zero(name: str, amount: Decimal) -> None:
    sound(MONEY[name](amount))


@pytest.mark.parametrize("name", TRADES)
@given(trade=a_trade())
def test_trade_posting_rules_sum_to_zero(name: str, trade: Trade) -> None:
    sound(TRADES[name](trade))


@pytest.mark.parametrize("name", STREETS)
@given(street=a_street_trade())
def test_street_posting_rules_sum_to_zero(name: str, street: StreetTrade) -> None:
    sound(STREETS[name](street))


@given(streets=st.lists(a_street_trade(), min_size=1, max_size=3), customers=st.lists(a_trade(), max_size=5))
def test_a_street_settlement_sums_to_zero(streets: list[StreetTrade], customers: list[Trade]) -> None:
    served = [
        replace(t, account_id=deterministic_id("account", n), through="fractions") for n, t in enumerate(customers)
    ]
    journal = trades.street_settlement(OBJECT, streets, served, NEXT_DAY)
    sums: defaultdict[tuple[str, bool], Decimal] = defaultdict(Decimal)
    for leg in journal.legs:
        sums[leg.asset, leg.bucket in MEMO_BUCKETS] += leg.amount
    assert not any(sums.values())


@given(trade=a_trade())
def test_an_execution_its_settlement_and_both_cancellations_leave_nothing(trade: Trade) -> None:
    """The whole life of a mistrade nets to zero in every bucket but `locked`, which went back to `available`."""
    journals = [
        trades.order_execution(trade),
        trades.settlement(trade, NEXT_DAY),
        trades.execution_cancellation(trade, NEXT_DAY, street_on=NEXT_DAY),
    ]
    if trade.through == "street":
        journals.append(trades.cancellation_settlement(trade, NEXT_DAY, NEXT_DAY))
    sums: defaultdict[tuple[object, str, str], Decimal] = defaultdict(Decimal)
    for journal in journals:
        for leg in journal.legs:
            sums[leg.owner_id, leg.asset, "available" if leg.bucket == "locked" else leg.bucket] += leg.amount
    assert not any(sums.values()), dict(sums)


def test_an_unbalanced_journal_is_not_sound() -> None:
    legs = (Leg(GROUP, "EUR", "unsettled_in", Decimal(10)), Leg(None, "EUR", "bank", Decimal(-10)))
    with pytest.raises(AssertionError):
        sound(posting_rules.journal_of("TOPUP", OBJECT, DAY, legs))


def test_assets_are_named_by_currency_or_instrument() -> None:
    assert (owner_kind("EUR"), owner_kind(units_of(INSTRUMENT))) == ("group", "account")
