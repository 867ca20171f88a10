"""What the features share of the v1 contract: shapes that many of them show, and how a list is asked for and shown."""

from __future__ import annotations

from collections.abc import Callable
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from openvest.core.contracts import RULES
from openvest.core.paging import Order, Page, PageParameters, number_or
from openvest.core.schema import Currency, Id, Isin, SignedDecimal, View, published_name
from openvest.core.shown import each_shown
from openvest.core.snapshots import Json, Snapshot

_PAGE = RULES["v1"].page


class MoneyView(View):
    """An amount of money."""

    amount: SignedDecimal = Field(description="In the major unit of the currency.")
    currency: Currency = Field(description="Currency of the amount.")


class InstrumentReferenceView(View):
    """An instrument, named."""

    uuid: Id = Field(description="Id of the instrument.")
    isin: Isin | None = Field(default=None, description="Its ISIN; in a transaction the one it was booked under.")


class MetaView(View):
    """How much of a list this page is."""

    offset: int = Field(description="Items skipped before the first of this page.")
    limit: int = Field(description="Most items this page could hold.")
    count: int = Field(description="Items in this page.")
    total_count: int = Field(description="Items of the whole list.")
    sort: str | None = Field(default=None, description="Field the list is ordered by.")
    order: Literal["ASC", "DESC"] | None = Field(default=None, description="Direction of the order.")


def page_of(view: type[BaseModel], plural: str) -> type[View]:
    """The page of a list of these: `page_of(TopupView, "top-ups")` is published as `TopupPage`."""
    items: Any = GenericAlias(list, (view,))
    return create_model(
        f"{published_name(view.__name__)}Page",
        __base__=View,
        __module__=view.__module__,
        __doc__=f"A page of {plural}.",
        meta=(MetaView, Field(description="Which part of the list this is.")),
        data=(items, Field(description=f"The {plural} of this page.")),
    )


class PageQuery(PageParameters):
    """Query parameters of every list of v1; a list adds its own filters and `sort`."""

    limit: Annotated[int, number_or(_PAGE.default)] = Field(
        default=_PAGE.default,
        ge=_PAGE.least,
        le=_PAGE.most,
        description="Most items to return; 0 gives an empty page with its counts.",
    )
    order: Order = Field(default="ASC", description="Direction of the order.")


class ByTimesQuery(PageQuery):
    """Query parameters of lists of what is made and changes."""

    sort: Literal["created_at", "updated_at"] = Field(default="created_at", description="Field to order by.")


def page_v1(found: Page[Any], mapper: Callable[[Snapshot], Json]) -> Json:
    """A page as v1 shows it, each row by its mapper."""
    items = each_shown(found.rows, mapper)
    meta = {
        "offset": found.offset,
        "limit": found.limit,
        "count": len(items),
        "total_count": found.total,
        "sort": found.sort,
        "order": found.order,
    }
    return {"meta": meta, "data": items}
