"""The master of real instruments keeps its promises: checked codes, two sources, consistent venues."""

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from stdnum import isin as isin_number

import openvest

MASTER = Path(openvest.__file__).parent / "features" / "instruments" / "data" / "instruments.csv"

COLUMNS = (
    "isin",
    "wkn",
    "name",
    "type",
    "home_country",
    "fractional_trading",
    "quantity_decimals",
    "venues",
    "currencies",
    "tick_sizes",
    "reference_prices",
    "sandbox",
    "source_1",
    "source_2",
)
TYPES = {"EQUITY", "ETF", "BOND", "FUND"}
CURRENCY_OF_VENUE = {"XETR": "EUR", "XLON": "GBP"}
WKN_PATTERN = re.compile(r"[A-HJ-NP-Z0-9]{6}")
SOURCE_PATTERN = re.compile(
    r"github\.com/[\w.-]+/[\w.-]+ \S+"
    r"|reference protocol \S+"
    r"|(?!github\.com)[\w.-]+\.[a-z]{2,}/\S+"
)
NEUTRAL_NAME = re.compile(r"Sandbox instrument (\S+)")

SANDBOX_ISINS = frozenset(
    [
        *("IE00BKBF6H24", "IE00B3XXRP09", "DE0005933931", "IE00BK5BCH80", "IE00BM8QRZ79", "IE00BYZK4552"),
        *("FR0010790980", "FR0010524777", "LU2194447293", "IE00BGBN6P67", "IE00BGL86Z12", "LU0779800910"),
        *("IE00BJ0KDR00", "LU0533033667", "IE00BM67HK77", "IE00BM67HL84", "LU1291109616", "IE00BM67HM91"),
        *("IE00B95PGT31", "IE00B5M1WJ87", "IE00BF2GFH28", "IE0032077012"),
    ]
)

Row = dict[str, str]


def read_master(path: Path) -> list[Row]:
    """Rows of the master as text, one dictionary a line."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def problems_of(row: Row) -> Iterator[str]:
    """Everything that is wrong with one row by itself.

    Why: one function for the shipped file and for the damaged rows below, so the checks themselves are tested.
    """
    isin, wkn, name = row["isin"], row["wkn"], row["name"]
    sandbox = row["sandbox"] == "true"
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", isin) or not isin_number.is_valid(isin):
        yield "isin"
    if wkn and not WKN_PATTERN.fullmatch(wkn):
        yield "wkn pattern"
    if isin.startswith("DE000") and wkn != isin[5:11]:
        yield "wkn is not the one inside the isin"
    if not 1 <= len(name) <= 100 or name != name.strip():
        yield "name"
    if (neutral := NEUTRAL_NAME.fullmatch(name)) and not (sandbox and neutral[1] == isin):
        yield "neutral name"
    if row["type"] not in TYPES:
        yield "type"
    if not re.fullmatch(r"[A-Z]{2}", row["home_country"]):
        yield "home_country"
    for flag in ("fractional_trading", "sandbox"):
        if row[flag] not in {"true", "false"}:
            yield flag
    yield from quantity_problems(row)
    yield from venue_problems(row)
    yield from source_problems(row)


def quantity_problems(row: Row) -> Iterator[str]:
    """A whole-unit instrument has no decimals; a fractional one between 1 and 10."""
    decimals = int(row["quantity_decimals"])
    fractional = row["fractional_trading"] == "true"
    if decimals not in (range(1, 11) if fractional else range(1)):
        yield "quantity_decimals"


def venue_problems(row: Row) -> Iterator[str]:
    """Each venue has its currency, a tick and a start price that lies on the tick."""
    venues = row["venues"].split(" ")
    columns = [row[key].split(" ") for key in ("currencies", "tick_sizes", "reference_prices")]
    if len(set(venues)) != len(venues) or not set(venues) <= set(CURRENCY_OF_VENUE):
        yield "venues"
        return
    if any(len(column) != len(venues) for column in columns):
        yield "one value per venue"
        return
    for venue, currency, tick_text, price_text in zip(venues, *columns, strict=True):
        tick, price = Decimal(tick_text), Decimal(price_text)
        if currency != CURRENCY_OF_VENUE[venue]:
            yield f"currency of {venue}"
        if not Decimal("0.0001") <= tick <= Decimal("0.01"):
            yield f"tick of {venue}"
        if price <= 0 or price % tick != 0 or price < 100 * tick:
            yield f"price of {venue}"


def source_problems(row: Row) -> Iterator[str]:
    """Two different texts name the instrument; a row under a neutral name rests on the reference alone."""
    first, second = row["source_1"], row["source_2"]
    if NEUTRAL_NAME.fullmatch(row["name"]):
        if not first.startswith("reference protocol"):
            yield "source of a neutral row"
        return
    if not SOURCE_PATTERN.fullmatch(first) or not SOURCE_PATTERN.fullmatch(second):
        yield "source form"
    if first == second or origin_of(first) == origin_of(second):
        yield "sources are not two"
    if first.startswith("reference protocol") or second.startswith("reference protocol"):
        yield "the reference names no instrument"


def origin_of(source: str) -> str:
    """Who stands behind a source: the repository of a file, the host of a page."""
    if source.startswith("github.com/"):
        return source.split(" ")[0]
    return source.split("/")[0]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The shipped master."""
    return read_master(MASTER)


def test_columns(rows: list[Row]) -> None:
    assert all(tuple(row) == COLUMNS for row in rows)
    assert all(value is not None for row in rows for value in row.values())


def test_every_row_is_sound(rows: list[Row]) -> None:
    wrong = {row["isin"]: found for row in rows if (found := list(problems_of(row)))}
    assert wrong == {}


@pytest.mark.parametrize("column", ["isin", "wkn", "name"])
def test_codes_and_names_are_unique(rows: list[Row], column: str) -> None:
    values = [row[column] for row in rows if row[column]]
    assert len(values) == len(set(values))


def test_enough_named_rows_of_every_type(rows: list[Row]) -> None:
    named = [row for row in rows if not NEUTRAL_NAME.fullmatch(row["name"])]
    assert len(named) >= 60
    assert {row["type"] for row in named} == TYPES


def test_the_reference_list_is_present_and_only_it_is_flagged(rows: list[Row]) -> None:
    assert {row["isin"] for row in rows if row["sandbox"] == "true"} == SANDBOX_ISINS


def test_both_venues_are_served(rows: list[Row]) -> None:
    venues = [set(row["venues"].split(" ")) for row in rows]
    assert sum("XETR" in each for each in venues) >= 40
    assert sum("XLON" in each for each in venues) >= 10


GOOD: Row = {
    "isin": "DE0007164600",
    "wkn": "716460",
    "name": "SAP SE",
    "type": "EQUITY",
    "home_country": "DE",
    "fractional_trading": "true",
    "quantity_decimals": "10",
    "venues": "XETR",
    "currencies": "EUR",
    "tick_sizes": "0.01",
    "reference_prices": "228.50",
    "sandbox": "false",
    "source_1": "example.org/list.html",
    "source_2": "github.com/someone/something data.csv",
}


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ({"isin": "DE0007164601"}, "isin"),
        ({"wkn": "716461"}, "wkn is not the one inside the isin"),
        ({"wkn": ""}, "wkn is not the one inside the isin"),
        ({"wkn": "71646O"}, "wkn pattern"),
        ({"name": "x" * 101}, "name"),
        ({"name": "Sandbox instrument DE0007164600"}, "neutral name"),
        ({"type": "STOCK"}, "type"),
        ({"home_country": "Germany"}, "home_country"),
        ({"sandbox": "yes"}, "sandbox"),
        ({"quantity_decimals": "0"}, "quantity_decimals"),
        ({"fractional_trading": "false"}, "quantity_decimals"),
        ({"venues": "XPAR"}, "venues"),
        ({"venues": "XETR XLON"}, "one value per venue"),
        ({"currencies": "GBP"}, "currency of XETR"),
        ({"reference_prices": "228.505"}, "price of XETR"),
        ({"source_2": "example.org/other.html"}, "sources are not two"),
        ({"source_2": "github.com/someone/something"}, "source form"),
        ({"source_2": ""}, "source form"),
        ({"source_2": "reference protocol §13"}, "the reference names no instrument"),
    ],
)
def test_damage_is_found(damage: Row, problem: str) -> None:
    assert list(problems_of(GOOD)) == []
    assert problem in list(problems_of({**GOOD, **damage}))
