"""What the package declares, each thing with its home: the module that assigns it, and the name. (Tests may scan.)"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, ValuesView
from pathlib import Path
from typing import Any

import pglast

import openvest
from openvest.catalog import LISTS, WORKS
from openvest.db.marks import due, next_place
from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.declarations import AuditQuery
from openvest.work.look import question

_SQL = re.compile(r"\s*(select|insert into|update|delete from|with)\s", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"^(\w+(?:, \w+)*)(?:\s*:[^=\n]+)?\s*=", re.MULTILINE)


def declared_statements() -> dict[str, list[str]]:
    """The texts of each home: one, but for tuples of statements and for lists, which have one for each thing asked."""
    homes: dict[str, list[str]] = defaultdict(list)
    for home, value in package_values():
        for text in _texts(value):
            # What is filled in later is declared a second time where it is filled in.
            if "{" not in text and text not in homes[home]:
                homes[home].append(text)
    homes["openvest.db.marks.due"].append(due(LISTS).sql)
    homes["openvest.work.look.question"].append(question(WORKS).sql)
    for work in WORKS:
        if not any(work.next_due.sql in texts for texts in homes.values()):
            homes[f"work {work.name}"].append(work.next_due.sql)
    return {home: texts for home, texts in homes.items() if texts}


def package_values() -> Iterator[tuple[str, Any]]:
    """Module-level values of the package, each under the module that assigns it."""
    for info in pkgutil.walk_packages(openvest.__path__, "openvest."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        text = Path(module.__file__ or "").read_text(encoding="utf-8")
        assigned = {name for names in _ASSIGNMENT.findall(text) for name in names.split(", ")}
        for name in sorted(assigned & {*vars(module)}):
            value = vars(module)[name]
            items = value.values() if isinstance(value, Mapping) else value
            for item in items if isinstance(items, tuple | list | ValuesView) else (items,):
                yield f"{info.name}.{name}", item


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Query | Statement | AuditQuery):
        yield value.sql
    elif isinstance(value, Listing):
        yield value.page_sql((), value.default_sort, "ASC")
        yield value.page_sql(tuple(value.filters), value.default_sort, "ASC")
        yield value.first_sql((), value.default_sort, "ASC")
        yield value.first_sql(tuple(value.filters), value.default_sort, "ASC")
        yield value.deep_sql((), value.default_sort, "ASC", None)
        yield value.count_sql(tuple(value.filters), None)
        for chain in value.chains:
            yield value.count_sql(chain.columns, chain)
            yield value.count_sql(chain.columns, chain, up_to_place=True)
            yield value.deep_sql(chain.columns, value.default_sort, "ASC", chain)
            yield value.first_sql(chain.columns, value.default_sort, "ASC")
            yield next_place(value, chain).sql
    elif isinstance(value, str) and _SQL.match(value) and is_statement(value):
        yield value


def is_statement(text: str) -> bool:
    """Whether a text is SQL as it stands, neither prose nor a part of a statement."""
    try:
        pglast.parse_sql(text)
    except pglast.parser.ParseError:
        return False
    return True
