"""Tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_WIDE = 10_000


def wide_console() -> Console:
    """A console that never breaks a line: what is printed can be copied, and terminals wrap by themselves."""
    return Console(highlight=False, soft_wrap=True, width=_WIDE)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
    numbers: Sequence[str] = (),
    console: Console | None = None,
    indent: int = 0,
) -> None:
    """One line per row; the columns named in `numbers` are set to the right. Nothing is cut off or broken."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    if indent:
        table.add_column("", width=indent - 1)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*([""] if indent else []), *row)
    out = console or wide_console()
    if title is not None:
        out.print(title, style="bold")
    out.print(table)
