"""What the features share of the lite contract: how a list is asked for and shown, and how events name their objects.

Source: CONTRACTS.md (its first table).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from openvest.core.contracts import RULES
from openvest.core.naming import Names
from openvest.core.paging import MOST_OFFSET, Page, PageParameters, PageRequest, number_or
from openvest.core.problems import FieldError, Problem
from openvest.core.schema import Id, View, published_name
from openvest.core.shown import each_shown
from openvest.core.snapshots import Json, Snapshot

_PAGE = RULES["lite"].page

EventCategory = Literal[
    "USER", "USER_CHECK", "ORDER", "ORDER_CANCELLATION", "EXECUTION", "POSITION", "CASH_BALANCE", "ACCOUNT",
    "ACCOUNT_GROUP", "PORTFOLIO", "SAVINGS_PLAN", "DIRECT_DEBIT", "WITHDRAWAL", "MANDATE", "SECURITIES_TRANSFER",
    "ACCOUNT_TRANSFER", "CORPORATE_ACTION", "LIQUIDATION", "REPORT", "FEE", "REBALANCING",
]  # fmt: skip
"""Kinds of objects that events are about; the first part of each event's name."""

WHOLE = PageRequest(limit=MOST_OFFSET)
"""The lists that the contract gives no pages are short by nature, and shown whole."""


class PaginationMetaView(View):
    """How much of a list this page is."""

    offset: int = Field(description="Items skipped before the first of this page.")
    limit: int = Field(description="Most items this page could hold.")
    count: int = Field(description="Items in this page.")
    total: int = Field(description="Items of the whole list.")


class EventObjectView(View):
    """Which object an event is about."""

    id: Id = Field(description="Id of the object.")
    type: EventCategory = Field(description="Kind of the object.")


def page_of(view: type[BaseModel], plural: str) -> type[View]:
    """The page of a list of these: `page_of(UserView, "users")` is published as `UserPage`."""
    items: Any = GenericAlias(list, (view,))
    return create_model(
        f"{published_name(view.__name__)}Page",
        __base__=View,
        __module__=view.__module__,
        __doc__=f"A page of {plural}.",
        data=(items, Field(description=f"The {plural} of this page.")),
        meta=(PaginationMetaView, Field(description="Which part of the list this is.")),
    )


def list_of(view: type[BaseModel], plural: str) -> type[View]:
    """A list that has no pages: `list_of(UserCheckView, "checks")` is published as `UserCheckList`."""
    items: Any = GenericAlias(list, (view,))
    return create_model(
        f"{published_name(view.__name__)}List",
        __base__=View,
        __module__=view.__module__,
        __doc__=f"All {plural}.",
        data=(items, Field(description=f"All {plural}.")),
    )


class PageQuery(PageParameters):
    """Query parameters of every list that has pages; a list adds its own filters."""

    limit: Annotated[int, number_or(_PAGE.default)] = Field(
        default=_PAGE.default, ge=_PAGE.least, le=_PAGE.most, description="Most items to return."
    )


def page_lite(found: Page[Any], mapper: Callable[[Snapshot], Json]) -> Json:
    """A page as lite shows it, each row by its mapper."""
    items = each_shown(found.rows, mapper)
    meta = {"offset": found.offset, "limit": found.limit, "count": len(items), "total": found.total}
    return {"data": items, "meta": meta}


def list_lite(found: Page[Any], mapper: Callable[[Snapshot], Json]) -> Json:
    """A list without pages as lite shows it. `found` is the page that `WHOLE` asks for."""
    return {"data": each_shown(found.rows, mapper)}


def event_object(category: EventCategory, name: str = "id") -> Callable[[Snapshot], Json]:
    """How an event names its object: its kind, and its id from this field of the snapshot."""
    return lambda snapshot: {"id": snapshot[name], "type": category}


@contextmanager
def fields_called(**names: str) -> Generator[None]:
    """Refusals from within name lite's fields: `fields_called(birth_date="date_of_birth")`."""
    try:
        yield
    except Problem as refusal:
        for name, called in names.items():
            if any(error.field == name for error in refusal.errors):
                refusal.detail = re.sub(rf"\b{name}\b", called, refusal.detail, count=1)
        refusal.errors = tuple(FieldError(names.get(one.field, one.field), one.message) for one in refusal.errors)
        raise


@contextmanager
def words_called(names: Names[Any, Any]) -> Generator[None]:
    """Refusals from within say lite's words: `words_called(STATUS)`."""
    try:
        yield
    except Problem as refusal:
        refusal.detail = re.sub(r"\b[A-Z_]+\b", lambda word: names.words.get(word[0], word[0]), refusal.detail)
        raise
