"""What a page of a list is, whichever contract asks for it.

A contract has its own query of lists, with its own limits (`core/v1.py`); services know none of them and take a
`PageRequest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

R = TypeVar("R")
S = TypeVar("S")
Order = Literal["ASC", "DESC"]
MOST_OFFSET = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list is wanted. Without `sort` the list has its own order."""

    limit: int
    offset: int = 0
    sort: str | None = None
    order: Order = "ASC"


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of a list and how much there is in all."""

    rows: list[R]
    offset: int
    limit: int
    total: int
    sort: str
    order: str

    def of(self, rows: list[S]) -> Page[S]:
        """The same page, with what was made of its rows."""
        return Page(rows, self.offset, self.limit, self.total, self.sort, self.order)


_MOST_DIGITS = 20
"""Of a number that is read at all; which numbers are too large says each field."""


def _number(value: Any) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    raise ValueError("is a whole number")


def number_or(default: int) -> BeforeValidator:
    """A whole number of a query; the empty string counts as absent."""
    return BeforeValidator(
        lambda value: default if value == "" else _number(value) if isinstance(value, str) else value
    )


class PageParameters(BaseModel):
    """Query parameters of every list. A contract adds its limits and orders, a list its filters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offset: Annotated[int, number_or(0)] = Field(default=0, ge=0, le=MOST_OFFSET, description="Items to skip.")
    limit: int

    @property
    def page_request(self) -> PageRequest:
        """The same as services take it."""
        sort: str | None = getattr(self, "sort", None)
        order: Order = getattr(self, "order", "ASC")
        return PageRequest(limit=self.limit, offset=self.offset, sort=sort, order=order)

    @property
    def filters(self) -> dict[str, Any]:
        """What a list adds, by name; None is no filter."""
        return {name: value for name, value in self if name not in ("offset", "limit", "order", "sort")}
