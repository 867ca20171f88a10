"""The reference's fixed sandbox prices, and the price that is published as random. Pure.

Source: reference (sandbox). Several bids stand above their offers; that is how they are published.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from openvest.ports.prices import Point

_TABLE = """
IE00BKBF6H24   7.51    6.23
IE00B3XXRP09 113.03  115.05
DE0005933931  81.77   85.22
IE00BK5BCH80  13.20   11.24
IE00BM8QRZ79  38.45   41.25
IE00BYZK4552  11.10    9.96
FR0010790980  90.11   93.55
FR0010524777  38.345  38.955
LU2194447293  14.564  14.744
IE00BGBN6P67  70.07   72.09
IE00BGL86Z12   6.261   6.299
LU0779800910  14.31   14.44
IE00BJ0KDR00 108.08  108.43
LU0533033667 472.50  481.10
IE00BM67HK77  43.88   44.23
IE00BM67HL84  22.02   44.23
LU1291109616  17.02   17.28
IE00BM67HM91  43.50   43.26
IE00B5M1WJ87 100.00  100.00
IE00BF2GFH28 100.00  100.00
IE0032077012 100.00  100.00
"""

FIXED: dict[str, tuple[Decimal, Decimal]] = {
    isin: (Decimal(bid), Decimal(offer)) for isin, bid, offer in (line.split() for line in _TABLE.split("\n") if line)
}
"""ISIN → (bid, offer)."""
EVERY_OTHER = (Decimal("100.00"), Decimal("100.00"))
"""Bid and offer of any ISIN that is not in the table, at the pace `instant`."""
RANDOM_ISIN = "IE00B95PGT31"

GRID = timedelta(minutes=5)
VOLUME = Decimal(1000)
_LEAST_CENTS, _CENTS, _SPREAD_CENTS = 5_000, 10_000, 100


def random_prices(seed: str, at: datetime) -> tuple[Decimal, Decimal]:
    """Bid and offer of the random ISIN in the 5 minutes of this instant: 50 to 150, up to 1.00 apart."""
    slot = (at - datetime(2020, 1, 1, tzinfo=UTC)) // GRID
    digest = hashlib.sha256(f"{seed}\x1f{RANDOM_ISIN}\x1f{slot}".encode()).digest()
    bid = _LEAST_CENTS + int.from_bytes(digest[:4], "big") % _CENTS
    offer = bid + digest[4] % _SPREAD_CENTS
    return Decimal(bid).scaleb(-2), Decimal(offer).scaleb(-2)


def fixed_point(at: datetime, prices: tuple[Decimal, Decimal]) -> Point:
    bid, offer = prices
    return Point(at, bid, offer, None, VOLUME)


def grid(opens_at: datetime, closes_at: datetime) -> list[datetime]:
    """Every 5 minutes from the opening, and the close."""
    count = -((opens_at - closes_at) // GRID)
    return [*(opens_at + place * GRID for place in range(count)), closes_at]
