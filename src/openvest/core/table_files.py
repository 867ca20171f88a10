"""CSV files as spreadsheets write them, line by line: what is wrong is named, what is empty says nothing. Pure.

A row, or a column without a name, in which nothing stands is passed over. What is wrong with a whole file, its
encoding, its separator or its way of writing decimals, is said once.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

T = TypeVar("T")

ENCODING = "utf-8-sig"
_COMMA = "has a decimal comma, as other lines may; write decimals with a point, 100.50, and no separator of thousands"
BEGINNING = 2
"""Bytes of a file that tell its encoding."""
_WIDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_DIGITS = re.compile(r"[0-9]+")
_WITH_COMMA = re.compile(r"[0-9][0-9.,]*,[0-9.,]*")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an import file; the documentation is made from these."""

    name: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong in one line of an import file. Units: `line` counts from 1, the header's line."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.message}"


_NOTHING = LineError(2, "(line)", "is missing, so there is nothing to import; give a line or more below the header")
_WIDE = LineError(1, "(file)", "is written in UTF-16; save it as CSV in UTF-8")


class ImportRefused(Exception):
    """A file with errors, all of them; nothing of it was imported."""

    def __init__(self, errors: Sequence[LineError]) -> None:
        super().__init__(f"{len(errors)} errors; nothing was imported. First: {errors[0]}")
        self.errors = tuple(errors)


@dataclass(slots=True)
class Line:
    """One line while it is read: collects what is wrong with it."""

    number: int
    cells: Mapping[str, str]
    errors: list[LineError] = field(default_factory=list[LineError])

    def say(self, column: str, message: str) -> None:
        self.errors.append(LineError(self.number, column, message))

    def read(self, column: str, parse: Callable[[str], T], default: T | None = None) -> T | None:
        """A parsed cell, or None where it is wrong; an empty one is the default."""
        text = self.cells.get(column, "")
        if text == "" and default is not None:
            return default
        try:
            if "\0" in text:
                raise ValueError("holds a NUL byte, which no database keeps as text")
            return parse(text)
        except ValueError as error:
            self.say(column, str(error))
            return None


def check_beginning(content: bytes) -> None:
    """What the first bytes of a file tell of its encoding. Why: every second byte of UTF-16 is 0 in a header.

    Raises: ImportRefused.
    """
    beginning = content[:BEGINNING]
    if beginning in _WIDER_MARKS or b"\0" in beginning:
        raise ImportRefused([_WIDE])


def number(pattern: re.Pattern[str], text: str, message: str) -> str:
    """The text of a number, with a word of its own for a decimal comma. Raises: ValueError."""
    if pattern.fullmatch(text):
        return text
    raise ValueError(_COMMA if _WITH_COMMA.fullmatch(text) else message)


_TELLS_COMMA = ["sep=", ""]
"""The first line by which a spreadsheet is told of the separator, as a reader of commas sees it."""


def open_table(lines: Iterable[str], *sets: Sequence[Column]) -> tuple[Sequence[Column], Iterator[Line]]:
    """The lines of a file and which column set it has: the one whose last column it names, else the first.

    Raises: ImportRefused where the header is wrong.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = next((row for row in reader if any(map(str.strip, row)) and row != _TELLS_COMMA), list[str]())
    except csv.Error as error:
        raise ImportRefused([LineError(1, "(line)", f"is not CSV: {error}")]) from error
    header = [name.strip() for name in header]
    chosen = next((known for known in sets if known[-1].name in header), sets[0])
    _check_header(header, chosen)
    return chosen, _each(reader, header)


def _check_header(header: Sequence[str], columns: Sequence[Column]) -> None:
    for separator, name in _SEPARATORS.items():
        if len(header) == 1 and separator in header[0]:
            told = f"separates its columns by {name}; save it with commas between them and decimals with a point"
            raise ImportRefused([LineError(1, "(file)", told)])
    named = [name for name in header if name.strip()]
    known = {column.name for column in columns}
    errors = [LineError(1, name, "is no column of this file") for name in named if name not in known]
    missing = [column.name for column in columns if column.required and column.name not in header]
    errors += [LineError(1, name, "is missing") for name in missing]
    if len(set(named)) != len(named):
        errors.append(LineError(1, "(header)", "names a column twice"))
    if errors:
        raise ImportRefused(errors)


def _each(reader: Any, header: Sequence[str]) -> Iterator[Line]:
    named = [place for place, name in enumerate(header) if name.strip()]
    width = named[-1] + 1
    try:
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            line = Line(reader.line_num, {header[place]: row[place] for place in named if place < len(row)})
            told = [place for place, cell in enumerate(row) if cell.strip()]
            if len(row) < width or not set(told) <= set(named):
                commas = _torn_numbers(row) >= len(row) - width > 0
                line.say("(line)", _COMMA if commas else f"has {len(named)} cells, as the header")
            yield line
    except csv.Error as error:
        line = Line(reader.line_num, {})
        line.say("(line)", f"is not CSV: {error}")
        yield line


def _torn_numbers(row: Sequence[str]) -> int:
    """How many numbers may stand in two cells because a comma within them was read as the end of one."""
    digits = [_DIGITS.fullmatch(cell.strip()) is not None for cell in row]
    return sum(first and second for first, second in pairwise(digits))


def read_rows(read: Iterator[Line], parse: Callable[[Line], T | None], key: Callable[[T], Any], column: str) -> list[T]:
    """All rows. Raises: ImportRefused with every error of every line; a key that comes twice is one, no line too."""
    rows: list[T] = []
    errors: list[LineError] = []
    seen: dict[Any, int] = {}
    for line in read:
        row = parse(line)
        if row is not None and (first := seen.setdefault(key(row), line.number)) != line.number:
            line.say(column, f"says the same as line {first}")
        elif row is not None:
            rows.append(row)
        errors += _said_once(errors, line.errors)
    if errors or not rows:
        raise ImportRefused(errors or [_NOTHING])
    return rows


def _said_once(before: Sequence[LineError], errors: Sequence[LineError]) -> list[LineError]:
    """What is new: a decimal comma is the way of the whole file, and what follows from one in its line is no news."""
    commas = [error for error in errors if error.message == _COMMA]
    if not commas:
        return list(errors)
    return [] if any(error.message == _COMMA for error in before) else commas[:1]
