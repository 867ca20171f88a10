"""What journals do to balances: set-off, forced debits, the withdrawal floor, floors; refusals leave no trace."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest.core.ids import deterministic_id
from openvest.ledger import posting_rules
from openvest.ledger.apply import Applied, InsufficientFunds, apply, figures_of
from openvest.ledger.chart import BUCKETS, Balance, HouseKey, Key, Leg, balance_id
from openvest.ledger.posting_rules import Journal, journal_of
from openvest.ledger.trades import Trade, execution_cancellation, order_execution, settlement

DAY, NEXT_DAY = date(2026, 3, 2), date(2026, 3, 3)
AT = datetime(2026, 3, 2, tzinfo=UTC)
GROUPS = [deterministic_id("apply", "group", n) for n in range(2)]
INSTRUMENT = deterministic_id("apply", "x")
GROUP, UNITS = GROUPS[0], str(INSTRUMENT)
CASH = Key(GROUP, "EUR")


def balance(key: Key, **figures: str) -> Balance:
    values = {bucket: Decimal(figures.get(bucket, "0")) for bucket in BUCKETS}
    return Balance(id=1, public_id=balance_id(*key), owner_id=key.owner_id, asset=key.asset, **values,
                   version=1, created_at=AT, updated_at=AT)  # fmt: skip


def fund(n: int, amount: str, group: int = 0) -> Journal:
    return posting_rules.credit_funding(deterministic_id("fund", n), GROUPS[group], "EUR", Decimal(amount), DAY)


def recall(n: int, amount: str) -> Journal:
    return posting_rules.credit_funding_charge_back(deterministic_id("fund", n), GROUP, "EUR", Decimal(amount), DAY)


def lock(n: int, amount: str) -> Journal:
    return posting_rules.reserve_cash(deterministic_id("order", n), GROUP, "EUR", Decimal(amount), DAY)


def after(done: Applied, key: Key = CASH) -> dict[str, Decimal]:
    return {bucket: figure for bucket, figure in zip(BUCKETS, done.figures[key], strict=True) if figure}


def test_a_refused_large_order_does_not_block_a_small_one() -> None:
    done = apply({CASH: balance(CASH, available="100")}, [lock(1, "60"), lock(2, "60"), lock(3, "40")])
    assert [isinstance(booked, InsufficientFunds) for booked in done.booked] == [False, True, False]
    short = done.booked[1]
    assert isinstance(short, InsufficientFunds) and (short.key, short.bucket, short.missing) == (CASH, "available", 20)
    assert after(done) == {"locked": 100}
    assert done.locks == {(deterministic_id("order", 1), CASH): 60, (deterministic_id("order", 3), CASH): 40}


def test_a_credit_repays_what_is_due_first() -> None:
    done = apply({CASH: balance(CASH, due="-30")}, [fund(1, "10"), fund(2, "50")])
    booked = [leg for legs in done.booked if not isinstance(legs, InsufficientFunds) for leg in legs if leg.owner_id]
    assert [(leg.bucket, leg.amount) for leg in booked] == [("due", 10), ("available", 30), ("due", 20)]
    assert after(done) == {"available": 30}


def test_a_forced_debit_takes_what_is_there_and_never_what_is_locked() -> None:
    done = apply({CASH: balance(CASH, available="10", locked="90", withdrawing="5")}, [recall(1, "100")])
    assert after(done) == {"locked": 90, "withdrawing": 5, "due": -90}


def test_other_debits_are_refused_while_money_is_due() -> None:
    done = apply({CASH: balance(CASH, due="-5", locked="10")}, [lock(1, "0.01")])
    assert isinstance(done.booked[0], InsufficientFunds)


@pytest.mark.parametrize(("amount", "refused"), [("70", False), ("70.01", True)])
def test_the_withdrawal_floor(amount: str, refused: bool) -> None:
    wanted = posting_rules.reserve_withdrawal(deterministic_id("withdrawal"), GROUP, "EUR", Decimal(amount), DAY)
    done = apply({CASH: balance(CASH, available="100", unsettled_in="30")}, [wanted])
    assert isinstance(done.booked[0], InsufficientFunds) == refused


def test_an_order_may_spend_what_is_not_withdrawable() -> None:
    done = apply({CASH: balance(CASH, available="100", unsettled_in="100")}, [lock(1, "100")])
    assert after(done) == {"locked": 100, "unsettled_in": 100}


def test_house_changes_are_net_and_the_street_is_kept_by_day() -> None:
    legs = [
        house_leg("street", "5", "2026-03-03"),
        house_leg("street", "7", "2026-03-04"),
        house_leg("fees", "-12", "x"),
    ]
    done = apply({}, [journal_of("SEGREGATION", deterministic_id("a"), DAY, legs)])
    assert done.house == {
        HouseKey("EUR", "street", "2026-03-03"): 5,
        HouseKey("EUR", "street", "2026-03-04"): 7,
        HouseKey("EUR", "fees", ""): -12,
    }


def house_leg(bucket: str, amount: str, detail: str = "") -> Leg:
    return Leg(None, "EUR", bucket, Decimal(amount), detail)


@pytest.mark.parametrize(
    "leg",
    [
        Leg(GROUP, "EUR", "due", Decimal(1)),
        Leg(GROUP, "EUR", "blocked", Decimal(1)),
        Leg(GROUP, UNITS, "covering", Decimal(1)),
        Leg(GROUP, "EUR", "locked", Decimal(1)),
        Leg(None, "EUR", "available", Decimal(1)),
    ],
)
def test_what_no_recipe_may_book(leg: Leg) -> None:
    with pytest.raises(ValueError):
        apply(
            {CASH: balance(CASH), Key(GROUP, UNITS): balance(Key(GROUP, UNITS))},
            [journal_of("TOPUP", GROUP, DAY, [leg])],
        )


def test_books_do_not_round() -> None:
    huge = balance(CASH, available="1" + "0" * 70)
    done = apply({CASH: huge}, [lock(1, "0.0000000001")])
    assert done.figures[CASH][0] == Decimal("9" * 70 + "." + "9" * 10)
    with pytest.raises(Inexact):
        apply({CASH: huge}, [lock(1, "0." + "0" * 20 + "1")])


amounts = st.decimals("0.01", "100.00", places=2)


@st.composite
def histories(draw: st.DrawFn) -> list[Journal]:
    """Any order of money in, recalls, locks, fills, unlocks, settlements, withdrawals and mistrades of one customer."""
    journals: list[Journal] = []
    for n in range(draw(st.integers(1, 25))):
        amount, target = draw(amounts), deterministic_id("any", draw(st.integers(0, n)))
        mine = deterministic_id("any", n)
        side = draw(st.sampled_from(["BUY", "SELL"]))
        trade = Trade(target, target, "BUY", GROUP, GROUP, INSTRUMENT, "EUR", amount, amount, DAY, NEXT_DAY)
        if side == "SELL":
            trade = Trade(target, target, "SELL", GROUP, GROUP, INSTRUMENT, "EUR", amount, amount, DAY, NEXT_DAY)
        journals.append(
            draw(
                st.sampled_from(
                    [
                        posting_rules.topup(mine, GROUP, "EUR", amount, DAY),
                        posting_rules.topup_cancellation(target, GROUP, "EUR", amount, DAY),
                        posting_rules.credit_funding_charge_back(target, GROUP, "EUR", amount, DAY),
                        posting_rules.reserve_cash(mine, GROUP, "EUR", amount, DAY),
                        posting_rules.reserve_units(mine, GROUP, INSTRUMENT, amount, DAY),
                        posting_rules.release_cash(target, GROUP, "EUR", amount, DAY),
                        posting_rules.release_units(target, GROUP, INSTRUMENT, amount, DAY),
                        posting_rules.reserve_withdrawal(mine, GROUP, "EUR", amount, DAY),
                        posting_rules.withdrawal(target, GROUP, "EUR", amount, DAY),
                        order_execution(trade),
                        settlement(trade, NEXT_DAY),
                        execution_cancellation(trade, NEXT_DAY),
                    ]
                )
            )
        )
    return journals


@given(journals=histories())
def test_balances_stay_in_range_and_are_the_sum_of_what_was_booked(journals: list[Journal]) -> None:
    keys = [CASH, Key(GROUP, UNITS)]
    start = {key: balance(key) for key in keys}
    done = apply(start, journals)
    sums: defaultdict[tuple[Key, str], Decimal] = defaultdict(Decimal)
    zero: defaultdict[tuple[int, str, bool], Decimal] = defaultdict(Decimal)
    for n, booked in enumerate(done.booked):
        if isinstance(booked, InsufficientFunds):
            continue
        for leg in booked:
            zero[n, leg.asset, leg.bucket in ("memo", "unsettled_in", "unsettled_out")] += leg.amount
            if leg.owner_id is not None:
                sums[Key(leg.owner_id, leg.asset), leg.bucket] += leg.amount
    assert not any(zero.values())
    for key in keys:
        figures = dict(zip(BUCKETS, done.figures.get(key, figures_of(start[key])), strict=True))
        assert all(figure >= 0 for bucket, figure in figures.items() if bucket != "due")
        assert figures["due"] <= 0
        assert figures["due"] == 0 or figures["available"] == 0
        assert figures == {bucket: sums[key, bucket] for bucket in BUCKETS}
    customers = sum(amount for (key, _), amount in sums.items() if key == CASH)
    houses = sum(amount for key, amount in done.house.items() if key.asset == "EUR")
    assert customers + houses == 0
