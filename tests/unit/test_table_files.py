"""CSV files as spreadsheets write them: what is empty says nothing, what is wrong with the whole file is said once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from openvest.core.table_files import Column, ImportRefused, Line, check_beginning, number, open_table, read_rows

COLUMNS = (Column("name", True, "Name."), Column("price", True, "Price."), Column("note", False, "Note."))
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def price(text: str) -> str:
    return number(_NUMBER, text, "is a price")


def rows(*lines: str) -> list[tuple[str, str]]:
    def row(line: Line) -> tuple[str, str] | None:
        name, cost = line.read("name", str), line.read("price", price)
        return None if line.errors or name is None or cost is None else (name, cost)

    _, read = open_table(lines, COLUMNS)
    return read_rows(read, row, lambda found: found[0], "name")


def refusal(*lines: str) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        rows(*lines)
    return [str(error) for error in refused.value.errors]


@pytest.mark.parametrize(
    "lines",
    [
        ("name,price", "a,1"),
        ("name,price", "", "a,1", ""),
        ("name,price", "a,1", ",", " , "),
        ("name,price", "a,1", ",,,,", '"",""'),
        ("name,price,", "a,1,"),
        ("name,price,,,", "a,1,,,", ",,,,"),
        ("name,price, ", "a,1"),
        ("name,,price", "a,,1"),
        (",name,price", ",a,1"),
        ("", ",,", "name,price", "a,1"),
        ("name,price", "a,1,,"),
        ("name , price", "a,1"),
        ("sep=,", "name,price", "a,1"),
    ],
)
def test_what_is_empty_says_nothing(lines: Sequence[str]) -> None:
    assert rows(*lines) == [("a", "1")]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("name,price", "a"), "line 2, (line): has 2 cells, as the header"),
        (("name,price", "a,1,x"), "line 2, (line): has 2 cells, as the header"),
        (("name,price,", "a,1,x"), "line 2, (line): has 2 cells, as the header"),
        (("name,,price", "a,x,1"), "line 2, (line): has 2 cells, as the header"),
        (("name,price,name", "a,1,b"), "line 1, (header): names a column twice"),
        (("name,price", ",,"), "line 2, (line): is missing"),
        (("name,price", "a,1", ",", "a,2"), "line 4, name: says the same as line 2"),
    ],
)
def test_a_line_is_counted_as_the_file_counts_it(lines: Sequence[str], told: str) -> None:
    found = refusal(*lines)
    assert found[0].startswith(told) and {line.partition(",")[0] for line in found} == {told.partition(",")[0]}


@pytest.mark.parametrize(("separator", "name"), [(";", "by semicolons"), ("\t", "by tabs"), ("|", "by bars")])
def test_another_separator_is_told_once(separator: str, name: str) -> None:
    table = [("name", "price"), *((f"n{place}", "1,50") for place in range(50))]
    told = refusal(*(separator.join(row) for row in table))
    assert len(told) == 1 and name in told[0] and "commas" in told[0]


@pytest.mark.parametrize("cell", ['"1,50"', '"1.000,50"', '"1,000.50"', "1,50"])
def test_decimal_commas_are_told_once(cell: str) -> None:
    told = refusal("name,price", *(f"n{place},{cell}" for place in range(50)))
    assert len(told) == 1 and told[0].startswith("line 2, ") and "decimal comma" in told[0] and "a point" in told[0]


def test_what_else_is_wrong_is_told_beside_them() -> None:
    assert len(refusal("name,price", "a,x", 'b,"1,5"', "c,y", 'd,"2,5"')) == 3


def test_an_encoding_that_is_not_ours_is_told_and_a_mark_is_none() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        with pytest.raises(ImportRefused, match=r"line 1, \(file\): is written in UTF-16"):
            check_beginning("name,price\n".encode(encoding))
    for encoding in ("utf-8", "utf-8-sig"):
        check_beginning("name,price\n".encode(encoding))
