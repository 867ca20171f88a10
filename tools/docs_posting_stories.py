"""What the page about postings tells: every posting rule of the ledger, called with sample figures.

A story is a run of journals over the same balances, so that locks, debts and pending figures show as they are booked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.ledger import posting_rules as rules
from openvest.ledger import trades
from openvest.ledger.chart import units_of
from openvest.ledger.posting_rules import Journal
from openvest.ledger.trades import StreetTrade, Taxes, Trade

DAY, NEXT_DAY, LATER = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
_NAMES = ("G", "G2", "A", "X", "order", "second order", "execution", "second execution", "money", "act")
IDS: Mapping[str, UUID] = {name: deterministic_id("docs", name) for name in _NAMES}
G, A, X = IDS["G"], IDS["A"], IDS["X"]
SHOWN: Mapping[object, str] = {
    G: "customer's group",
    IDS["G2"]: "customer's other group",
    A: "customer's account",
    None: "house",
    units_of(X): "units",
}

TAXES = Taxes(Decimal("162.33"), Decimal("8.92"))
EUR = "EUR"


@dataclass(frozen=True, slots=True)
class Step:
    """One journal of a story and what it stands for. Shape: `made` is what `rule` returned."""

    rule: Callable[..., Journal]
    made: Journal
    says: str


@dataclass(frozen=True, slots=True)
class Story:
    """A run of journals. `before` was booked earlier and is not printed."""

    title: str
    steps: Sequence[Step]
    before: Sequence[Journal] = ()


def _step(says: str, rule: Callable[..., Journal], *facts: object, **more: object) -> Step:
    return Step(rule, rule(*facts, **more), says)


def _money(text: str) -> Decimal:
    return Decimal(text)


def _funds(amount: str) -> Journal:
    return rules.topup(deterministic_id("docs", "funds"), G, EUR, _money(amount), DAY)


BUY = Trade(
    IDS["execution"], IDS["order"], "BUY", G, A, X, EUR, Decimal("8.6918730986"), _money("1000.00"), DAY, NEXT_DAY
)
SALE = replace(BUY, side="SELL", quantity=Decimal(10), taxes=TAXES, settles_on=LATER)
PART = replace(BUY, quantity=Decimal(3), cash=_money("345.30"))
WITH_FEE = replace(BUY, quantity=Decimal("0.8691873098"), cash=_money("100.00"), fee=_money("10.00"))
ROUNDED = replace(BUY, quantity=Decimal("0.105"), cash=_money("49.62"), rounding=_money("0.01"))
SERVED = replace(BUY, quantity=Decimal("2.1729682746"), cash=_money("250.00"), through="fractions")
SPENT = replace(BUY, quantity=Decimal(2), cash=_money("240.00"))
STREET = StreetTrade(IDS["act"], "BUY", X, EUR, Decimal(3), _money("345.15"), DAY, NEXT_DAY)


def _lock(amount: str) -> Journal:
    return rules.reserve_cash(IDS["order"], G, EUR, _money(amount), DAY)


def _bought(trade: Trade, funds: str) -> tuple[Journal, ...]:
    return (_funds(funds), _lock(funds), trades.order_execution(trade))


def _held(quantity: str) -> tuple[Journal, ...]:
    """Units that were bought and settled, and money gone: a trade of an earlier order."""
    held = replace(
        BUY,
        execution_id=deterministic_id("docs", "held"),
        order_id=deterministic_id("docs", "held order"),
        quantity=Decimal(quantity),
    )
    lock = rules.reserve_cash(held.order_id, G, EUR, held.cash, DAY)
    return (_funds("1000.00"), lock, trades.order_execution(held), trades.settlement(held, NEXT_DAY))


MONEY_STORIES: Sequence[Story] = (
    Story(
        "A top-up and its wire",
        (
            _step("The client firm vouches for 1,000.00.", rules.topup, IDS["money"], G, EUR, _money("1000.00"), DAY),
            _step("Its wire arrives.", rules.topup_settled, IDS["money"], EUR, _money("1000.00"), NEXT_DAY),
        ),
    ),
    Story(
        "A top-up taken back",
        (
            _step(
                "The client firm takes it back.",
                rules.topup_cancellation,
                IDS["money"],
                G,
                EUR,
                _money("1000.00"),
                DAY,
            ),
        ),
        before=(rules.topup(IDS["money"], G, EUR, _money("1000.00"), DAY),),
    ),
    Story(
        "A transfer whose owner is found later, and its recall",
        (
            _step("500.00 arrive without a name.", rules.payment_unmatched, IDS["act"], EUR, _money("500.00"), DAY),
            _step(
                "The owner is found.",
                rules.credit_funding,
                IDS["money"],
                G,
                EUR,
                _money("500.00"),
                NEXT_DAY,
                source="suspense",
            ),
            _step(
                "The sender's bank recalls it.",
                rules.credit_funding_charge_back,
                IDS["money"],
                G,
                EUR,
                _money("500.00"),
                LATER,
            ),
        ),
    ),
    Story(
        "A transfer that nobody knows is sent back",
        (_step("The bank pays it back.", rules.payment_returned, IDS["money"], EUR, _money("500.00"), NEXT_DAY),),
        before=(rules.payment_unmatched(IDS["act"], EUR, _money("500.00"), DAY),),
    ),
    Story(
        "A direct debit charged back after the money was spent",
        (
            _step("250.00 are collected.", rules.sepa_direct_debit, IDS["money"], G, EUR, _money("250.00"), DAY),
            _step("240.00 are locked for an order.", rules.reserve_cash, IDS["order"], G, EUR, _money("240.00"), DAY),
            _step("The order is executed.", trades.order_execution, SPENT),
            _step(
                "The payer's bank takes the 250.00 back: 240.00 are owed.",
                rules.direct_debit_charge_back,
                IDS["money"],
                G,
                EUR,
                _money("250.00"),
                NEXT_DAY,
            ),
            _step("The bank's charge.", rules.direct_debit_fee, IDS["money"], G, EUR, _money("3.00"), NEXT_DAY),
            _step("The house fills the gap at the bank.", rules.segregation, NEXT_DAY, EUR, _money("243.00")),
            _step("The house gives up 43.00.", rules.debt_waived, IDS["act"], G, EUR, _money("43.00"), LATER),
            _step(
                "300.00 arrive and repay the rest first.",
                rules.credit_funding,
                deterministic_id("docs", "later money"),
                G,
                EUR,
                _money("300.00"),
                LATER,
            ),
        ),
    ),
    Story(
        "A withdrawal with tax, and one that comes back",
        (
            _step("200.00 are set apart.", rules.reserve_withdrawal, IDS["money"], G, EUR, _money("200.00"), DAY),
            _step(
                "They are paid out, 12.50 withheld.",
                rules.withdrawal,
                IDS["money"],
                G,
                EUR,
                _money("200.00"),
                DAY,
                tax=_money("12.50"),
            ),
            _step(
                "The receiving bank sends 187.50 back.",
                rules.withdrawal_cancellation,
                IDS["money"],
                G,
                EUR,
                _money("187.50"),
                LATER,
            ),
        ),
        before=(_funds("200.00"),),
    ),
    Story(
        "A transfer to another group of the customer",
        (
            _step("100.00 are set apart.", rules.reserve_transfer, IDS["money"], G, EUR, _money("100.00"), DAY),
            _step(
                "They are in the other group.",
                rules.cash_balance_transfer,
                IDS["money"],
                G,
                IDS["G2"],
                EUR,
                _money("100.00"),
                DAY,
            ),
            _step("40.00 more are set apart.", rules.reserve_transfer, IDS["act"], G, EUR, _money("40.00"), DAY),
            _step("They come back.", rules.release_transfer, IDS["act"], G, EUR, _money("40.00"), DAY),
        ),
        before=(_funds("200.00"),),
    ),
    Story(
        "Virtual cash comes and goes",
        (
            _step(
                "The client firm adds 200.00.", rules.virtual_cash_increase, IDS["act"], G, EUR, _money("200.00"), DAY
            ),
            _step("50.00 are set apart.", rules.reserve_decrease, IDS["order"], G, EUR, _money("50.00"), DAY),
            _step("They come back.", rules.release_decrease, IDS["order"], G, EUR, _money("50.00"), DAY),
            _step("200.00 are set apart.", rules.reserve_decrease, IDS["money"], G, EUR, _money("200.00"), DAY),
            _step("They are gone.", rules.virtual_cash_decrease, IDS["money"], G, EUR, _money("200.00"), DAY),
        ),
    ),
    Story(
        "A withdrawal given up",
        (_step("It will not be paid.", rules.release_withdrawal, IDS["money"], G, EUR, _money("200.00"), DAY),),
        before=(_funds("200.00"), rules.reserve_withdrawal(IDS["money"], G, EUR, _money("200.00"), DAY)),
    ),
)

TRADE_STORIES: Sequence[Story] = (
    Story(
        "A buy by cash amount",
        (
            _step("The check locks 1,000.00.", rules.reserve_cash, IDS["order"], G, EUR, _money("1000.00"), DAY),
            _step("8.6918730986 units are bought.", trades.order_execution, BUY),
            _step("The trade settles.", trades.settlement, BUY, NEXT_DAY),
        ),
        before=(_funds("1000.00"),),
    ),
    Story(
        "A buy by quantity, executed in part; the rest is cancelled",
        (
            _step(
                "The lock has a buffer for the price.", rules.reserve_cash, IDS["order"], G, EUR, _money("639.17"), DAY
            ),
            _step("3 units are bought.", trades.order_execution, PART),
            _step("The rest of the lock returns.", rules.release_cash, IDS["order"], G, EUR, _money("293.87"), DAY),
        ),
        before=(_funds("700.00"),),
    ),
    Story(
        "A buy with a fee",
        (_step("The fee is inside the lock, on top of the amount.", trades.order_execution, WITH_FEE),),
        before=(_funds("110.00"), _lock("110.00")),
    ),
    Story(
        "What rounding takes",
        (_step("0.105 units at 472.50 cost 49.62; the street gets 49.61.", trades.order_execution, ROUNDED),),
        before=(_funds("50.00"), _lock("50.00")),
    ),
    Story(
        "A sale with taxes, part of its lock returned",
        (
            _step("12 units are locked.", rules.reserve_units, IDS["order"], A, X, Decimal(12), DAY),
            _step("10 are sold; 828.75 stay after taxes.", trades.order_execution, SALE),
            _step("2 return.", rules.release_units, IDS["order"], A, X, Decimal(2), DAY),
            _step("The sale settles.", trades.settlement, SALE, LATER),
        ),
        before=_held("12"),
    ),
    Story(
        "Dust leaves an account that closes",
        (_step("0.00004 units are worth no cent.", rules.dust_cleanup, IDS["act"], A, X, Decimal("0.00004"), LATER),),
        before=_held("0.00004"),
    ),
    Story(
        "A fraction at a venue of whole shares: a block of one",
        (
            _step("The house buys 3 whole shares.", trades.street_execution, STREET),
            _step("The customer is served from its fractions.", trades.order_execution, SERVED),
            _step(
                "The street order settles, and the customer with it.",
                trades.street_settlement,
                deterministic_id("docs", "street order"),
                [STREET],
                [SERVED],
                NEXT_DAY,
            ),
        ),
        before=(_funds("250.00"), _lock("250.00")),
    ),
    Story(
        "A mistrade before settlement",
        (_step("The execution is cancelled.", trades.execution_cancellation, BUY, DAY),),
        before=_bought(BUY, "1000.00"),
    ),
    Story(
        "A mistrade after settlement",
        (
            _step("The execution is cancelled.", trades.execution_cancellation, BUY, NEXT_DAY, street_on=LATER),
            _step("The street gives back what it had.", trades.cancellation_settlement, BUY, LATER, LATER),
        ),
        before=(*_bought(BUY, "1000.00"), trades.settlement(BUY, NEXT_DAY)),
    ),
    Story(
        "A mistrade of the house",
        (_step("The block's trade is cancelled.", trades.street_execution_cancellation, STREET, DAY),),
        before=(trades.street_execution(STREET),),
    ),
)

STORIES: Sequence[Story] = (*MONEY_STORIES, *TRADE_STORIES)
