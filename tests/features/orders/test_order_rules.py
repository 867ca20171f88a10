"""Orders in memory: what the check decides, when an order can trade, how it moves. Source: DOMAIN.md section 6."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

import pytest

from openvest.core.lifecycle import WrongState
from openvest.features.accounts.model import AccountFacts
from openvest.features.orders.model import TradingPermissions
from openvest.features.orders.rules import (
    NO_QUOTE,
    ORDER,
    CheckFacts,
    Decision,
    decide,
    moved,
    permissions_of,
    view_of,
)
from openvest.features.orders.rules_amounts import Quoted
from openvest.features.orders.rules_sessions import cut_offs, default_expiry, expires_at, opens_at
from tests.kit.order_rows import NOW, ONE, D, an_order, processing

OPEN = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
CUT_OFF = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
QUOTE = Quoted(D("113.03"), D("115.05"))
ACTIVE = TradingPermissions(activated=True, may_buy=True, may_sell=True, fit_failed=False)


def facts(**fields: Any) -> CheckFacts:
    basis = CheckFacts(
        now=NOW,
        permissions=ACTIVE,
        instrument_active=True,
        tradable=True,
        quote=QUOTE,
        decimals=10,
        available=D("1000.00"),
        opens_at=None,
    )
    return replace(basis, **fields)


@pytest.mark.parametrize(
    ("fields", "charged"),
    [
        ({"fee_collected": True}, "0"),
        ({"fee_collected": True, "executed_quantity": "1", "fee_booked": "10"}, "10"),
        ({"fee_collected": True, "executed_quantity": "1", "fee_booked": "6"}, "6"),  # a sale that brought no more
        ({}, "0"),
        ({"executed_quantity": "1"}, "10"),  # by the client itself, with the first execution
    ],
)
def test_an_order_shows_the_fee_that_was_charged(fields: dict[str, Any], charged: str) -> None:
    view = view_of(an_order(fee="10", **fields), ())
    assert (view.fee, view.fee_charged) == (D(10), D(charged))


def permissions(**fields: Any) -> TradingPermissions:
    return replace(ACTIVE, **fields)


PLATFORM = Decision("cancel", reason="CANCELLED_BY_UPVEST_PLATFORM")
PARTNER = Decision("cancel", reason="CANCELLED_BY_TRADING_PARTNER")
BY_250, SOLD = D("250.00"), D("2.4575579738")
GO = Decision("process", BY_250)
BLOCK, SALE, LOCKED = {"execution_flow": "BLOCK"}, {"side": "SELL", "quantity": "1"}, {"lock_amount": "250.00"}
MISFIT, NO_BUYS = {"permissions": permissions(fit_failed=True)}, {"permissions": permissions(may_buy=False)}
LITTLE, HOURS = {"available": D(1)}, timedelta(hours=8)
BOTH = {"cut_off": CUT_OFF, "next_cut_off": OPEN}

DECISIONS: list[tuple[str, dict[str, Any], dict[str, Any], Decision]] = [
    ("all is well", {}, {}, GO),
    ("not activated", {}, {"permissions": permissions(activated=False)}, Decision("wait")),
    ("not activated, short", {}, {"permissions": permissions(activated=False), "available": D(0)}, Decision("wait")),
    ("may not buy", {}, NO_BUYS, PLATFORM),
    ("may not buy, but sells", {"side": "SELL"}, NO_BUYS, Decision("process", SOLD)),
    ("may not sell", {"side": "SELL"}, {"permissions": permissions(may_sell=False)}, PLATFORM),
    ("instrument inactive", {}, {"instrument_active": False}, PLATFORM),
    ("does not fit", {}, MISFIT, PLATFORM),
    ("does not fit, acknowledged", {"fit_acknowledged": True}, MISFIT, GO),
    ("does not fit, sells", SALE, MISFIT, Decision("process", D(1))),
    ("not tradable", {}, {"tradable": False, "quote": None}, PARTNER),
    ("in debt", {}, {"in_debt": True}, PLATFORM),
    ("in debt, sells", SALE, {"in_debt": True}, Decision("process", D(1))),
    ("in debt with its lock", LOCKED, {"in_debt": True}, PLATFORM),
    ("over before it is looked at", {}, {"expires_at": NOW - timedelta(days=1)}, PARTNER),
    ("over before the open", {}, {"expires_at": NOW, "opens_at": OPEN}, PARTNER),
    ("over after the open", {}, {"expires_at": OPEN + HOURS, "opens_at": OPEN}, Decision("wait", BY_250, OPEN)),
    ("at its last instant", {}, {"expires_at": NOW}, GO),
    ("over before the cut-off", BLOCK, {"expires_at": NOW, "cut_off": CUT_OFF}, PARTNER),
    ("no quote, closed", {}, {"quote": None, "opens_at": OPEN}, Decision("wait", until=OPEN)),
    ("no quote in session", {}, {"quote": None}, Decision("wait", until=NOW + NO_QUOTE)),
    ("just enough", {}, {"available": BY_250}, GO),
    ("a cent short", {}, {"available": D("249.99")}, PLATFORM),
    ("a cent short and closed", {}, {"available": D("249.99"), "opens_at": OPEN}, PLATFORM),
    ("closed", {}, {"opens_at": OPEN}, Decision("wait", BY_250, OPEN)),
    ("open again, locked before", LOCKED, {"available": D(0)}, Decision("process")),
    ("locked before, inactive since", LOCKED, {"instrument_active": False}, PLATFORM),
    ("block before its cut-off", BLOCK, {"cut_off": CUT_OFF}, Decision("wait", BY_250, CUT_OFF)),
    ("block at night", BLOCK, {"cut_off": CUT_OFF, "opens_at": OPEN}, Decision("wait", BY_250, CUT_OFF)),
    ("block at its cut-off", BLOCK, {"next_cut_off": OPEN}, GO),
    ("block too little", BLOCK, LITTLE | {"next_cut_off": OPEN}, Decision("wait", until=OPEN)),
    ("block too little before", BLOCK, LITTLE | BOTH, Decision("wait", until=CUT_OFF)),
    ("block too little at the last cut-off", BLOCK, LITTLE, PLATFORM),
]  # fmt: skip


@pytest.mark.parametrize(("order", "known", "decision"), [row[1:] for row in DECISIONS], ids=[r[0] for r in DECISIONS])
def test_the_check_decides(order: dict[str, Any], known: dict[str, Any], decision: Decision) -> None:
    assert decide(an_order(**order), facts(**known)) == decision


@pytest.mark.parametrize(
    ("user", "group", "account", "activated", "buys", "sells"),
    [
        ("ACTIVE", "ACTIVE", "ACTIVE", True, True, True),
        ("INACTIVE", "PENDING_APPROVAL", "PENDING_APPROVAL", False, False, False),
        ("ACTIVE", "ACTIVE", "PENDING_APPROVAL", False, False, False),
        ("ACTIVE", "ACTIVE", "CLOSING", True, False, True),
        ("ACTIVE", "CLOSING", "ACTIVE", True, False, True),
        ("OFFBOARDING", "ACTIVE", "ACTIVE", True, False, True),
        ("OFFBOARDING", "CLOSING", "CLOSING", True, False, True),
        ("ACTIVE", "LOCKED", "ACTIVE", True, False, False),
        ("ACTIVE", "ACTIVE", "LOCKED", True, False, False),
        ("INACTIVE", "PENDING_APPROVAL", "CLOSED", True, False, False),
        ("OFFBOARDED", "CLOSED", "CLOSED", True, False, False),
    ],
)
def test_how_an_account_stands(user: str, group: str, account: str, activated: bool, buys: bool, sells: bool) -> None:
    known = AccountFacts(ONE, "TRADING", cast(Any, account), ONE, cast(Any, group), "1", ONE, cast(Any, user), None)
    found = permissions_of(known)
    assert (found.activated, found.may_buy, found.may_sell) == (activated, buys, sells)


# When it trades


@pytest.mark.parametrize(
    ("now", "pace", "opens"),
    [
        (NOW, "calendar", None),
        (datetime(2026, 3, 2, 16, 30, tzinfo=UTC), "calendar", None),  # the closing instant belongs to the session
        (datetime(2026, 3, 2, 20, 0, tzinfo=UTC), "calendar", OPEN),
        (datetime(2026, 3, 1, 12, 0, tzinfo=UTC), "calendar", OPEN - timedelta(days=1)),
        (datetime(2026, 3, 1, 12, 0, tzinfo=UTC), "instant", None),
    ],
)
def test_when_the_venue_opens(now: datetime, pace: str, opens: datetime | None) -> None:
    assert opens_at(now, "XETR", pace) == opens


@pytest.mark.parametrize(
    ("expiry", "pace", "at"),
    [
        (date(2026, 3, 6), "calendar", datetime(2026, 3, 6, 16, 30, tzinfo=UTC)),
        (date(2026, 3, 8), "calendar", datetime(2026, 3, 6, 16, 30, tzinfo=UTC)),
        (date(2026, 3, 8), "instant", datetime(2026, 3, 9, tzinfo=UTC)),
        (date(2226, 3, 2), "calendar", datetime(2040, 12, 28, 13, tzinfo=UTC)),
        (date(2226, 3, 2), "instant", None),
        (date(2041, 1, 1), "calendar", datetime(2040, 12, 28, 13, tzinfo=UTC)),  # the last whose trades settle
        (date(2040, 12, 31), "instant", datetime(2041, 1, 1, tzinfo=UTC)),
        (date(2020, 1, 2), "calendar", datetime(2020, 1, 2, 16, 30, tzinfo=UTC)),
        (date(2020, 1, 1), "calendar", datetime(2020, 1, 2, tzinfo=UTC)),  # no session lies on it or before it
        (date(2019, 12, 31), "calendar", datetime(2020, 1, 1, tzinfo=UTC)),
        (date(1999, 1, 1), "instant", datetime(1999, 1, 2, tzinfo=UTC)),
    ],
)
def test_when_an_order_expires(expiry: date, pace: str, at: datetime | None) -> None:
    assert expires_at(expiry, "XETR", pace, "BUY", "EUR") == at


def test_an_order_rests_no_longer_than_its_trades_settle() -> None:
    """London has sessions on the last days of the calendars; what is traded then would settle behind them."""
    assert expires_at(date(2226, 3, 2), "XLON", "calendar", "BUY", "GBP") == datetime(2040, 12, 28, 16, 30, tzinfo=UTC)


def test_an_order_without_an_expiry_date_lives_for_two_hundred_years() -> None:
    assert default_expiry(date(2026, 3, 2)) == date(2226, 3, 2)
    assert default_expiry(date(2028, 2, 29)) == date(2228, 2, 29)
    assert default_expiry(date(2000, 2, 29)) == date(2200, 2, 28)


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


CUT_OFFS: list[tuple[str, datetime, datetime, datetime, datetime | None]] = [
    ("in the morning", at(2, 9), at(2, 9), at(2, 9), at(2, 15)),
    ("five minutes before", at(2, 14, 55), at(2, 14, 55), at(2, 14, 55), at(2, 15)),
    ("a second later", at(2, 14, 55, 1), at(2, 14, 55, 1), at(2, 14, 55, 1), at(3, 15)),
    ("accepted at the cut-off", at(2, 15), at(2, 15), at(2, 15), at(3, 15)),
    ("at the cut-off it waits for", at(2, 9), at(2, 15), at(2, 15), None),
    ("a little late", at(2, 9), at(2, 15), at(2, 15, 0, 3), None),
    ("woken between two cut-offs", at(2, 9), at(4, 10), at(4, 10), at(4, 15)),
    ("woken just before one", at(2, 9), at(4, 14, 58), at(4, 14, 58), at(5, 15)),
    ("on a Saturday", at(7, 12), at(7, 12), at(7, 12), at(9, 15)),
]


@pytest.mark.parametrize(
    ("created", "due", "now", "waits"), [row[1:] for row in CUT_OFFS], ids=[r[0] for r in CUT_OFFS]
)
def test_the_cut_off_a_block_order_waits_for(
    created: datetime, due: datetime, now: datetime, waits: datetime | None
) -> None:
    order = an_order(execution_flow="BLOCK", created_at=created, due_at=due)
    assert cut_offs(order, now, "XETR", time(16, 0))[0] == waits


def test_a_cut_off_outside_the_session_is_moved_into_it() -> None:
    order = an_order(execution_flow="BLOCK", created_at=at(2, 5), due_at=at(2, 5))
    assert cut_offs(order, at(2, 5), "XETR", time(7, 0))[0] == at(2, 8)
    assert cut_offs(order, at(2, 5), "XETR", time(23, 0))[0] == at(2, 16, 25)
    assert cut_offs(order, at(2, 5), "XETR", time(17, 30))[0] == at(2, 16, 25)  # the close itself is too late


def test_on_a_half_day_the_cut_off_is_before_the_early_close() -> None:
    morning = datetime(2026, 12, 30, 9, 30, tzinfo=UTC)
    order = an_order(execution_flow="BLOCK", created_at=morning, due_at=morning)
    waits, _ = cut_offs(order, morning, "XETR", time(16, 0))
    assert waits == datetime(2026, 12, 30, 12, 55, tzinfo=UTC)
    at_it = replace(order, due_at=waits)
    assert cut_offs(at_it, waits, "XETR", time(16, 0))[0] is None


def test_only_block_orders_know_cut_offs() -> None:
    assert cut_offs(an_order(), NOW, "XETR", time(16, 0)) == (None, None)


# The life


def test_a_move_moves_version_and_time() -> None:
    later = NOW + timedelta(seconds=1)
    after = moved(an_order(), "process", later, through="fractions")
    assert (after.status, after.version, after.updated_at, after.due_at) == ("PROCESSING", 2, later, None)
    assert after.through == "fractions"


def test_final_orders_do_not_move() -> None:
    for end in ORDER.ends:
        for verb in ("process", "fill", "cancel"):
            with pytest.raises(WrongState):
                moved(an_order(status=end, cancellation_reason="CANCELLED_BY_CLIENT"), verb, NOW)


def test_a_reason_is_published_with_the_cancellation_only() -> None:
    asked = processing(cancellation_reason="CANCELLED_BY_CLIENT")
    assert view_of(asked, ()).cancellation_reason is None
    assert view_of(replace(asked, status="CANCELLED"), ()).cancellation_reason == "CANCELLED_BY_CLIENT"


def test_the_figure_not_asked_for_is_the_sum_of_the_executions() -> None:
    shown = view_of(processing(executed_quantity="2", executed_cash="230.10"), ())
    assert (shown.cash_amount, shown.quantity) == (D("250.00"), D(2))
    shown = view_of(processing(quantity="5", executed_quantity="2", executed_cash="230.10"), ())
    assert (shown.cash_amount, shown.quantity) == (D("230.10"), D(5))
