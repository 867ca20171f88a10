"""The reference's sandbox prices and the master speak of the same instruments."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files

from openvest.core.ids import deterministic_id
from openvest.ports.prices import Listing, Pace
from openvest.simulation.market import Market
from openvest.simulation.market.sandbox import FIXED, RANDOM_ISIN

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def master() -> list[dict[str, str]]:
    text = (files("openvest.features.instruments") / "data" / "instruments.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def prices(isin: str, at: datetime, pace: Pace) -> tuple[str, str]:
    """Bid and offer as text."""
    ids = deterministic_id("instrument", isin), deterministic_id("venue", "XETR")
    row = next(row for row in master() if row["isin"] == isin)
    tick, start = (Decimal(row[name].split()[0]) for name in ("tick_sizes", "reference_prices"))
    quote = Market("seed").quote(Listing(*ids, isin, "EQUITY", "XETR", "EUR", tick, start, True), at, pace)
    assert quote is not None
    return str(quote.bid), str(quote.offer)


def test_the_master_marks_exactly_the_instruments_of_the_table() -> None:
    marked = {row["isin"] for row in master() if row["sandbox"] == "true"}
    assert marked == {*FIXED, RANDOM_ISIN}


def test_the_table_holds_at_both_paces_and_at_any_hour() -> None:
    for pace in ("instant", "calendar"):
        for at in (NOON, SUNDAY):
            assert prices("IE00BM67HM91", at, pace) == ("43.50", "43.26"), "inverted, as published"
            assert prices("FR0010524777", at, pace) == ("38.345", "38.955")


def test_every_other_instrument_is_at_100_where_there_are_no_sessions_and_on_its_path_where_there_are() -> None:
    assert prices("DE0007164600", SUNDAY, "instant") == ("100.00", "100.00")
    assert prices("DE0007164600", NOON, "calendar") not in [("100.00", "100.00"), ("228.50", "228.50")]
