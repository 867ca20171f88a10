"""Portfolios as lite shows them: one for each account, with weights of its own between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from openvest.core.lite import EventObjectView, PageQuery, event_object, list_of, page_lite, page_of
from openvest.core.money import plain
from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, Shown, Unused, View, decimal_of
from openvest.core.schema_people import Name
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, EventName, Representation
from openvest.features.portfolios import rules, service
from openvest.features.portfolios.model import Allocation, Configuration, NewAllocation, NewTarget, Status, Target
from openvest.operations import LITE, Operations

_WHOLE = Decimal(1)
_FRACTION, _ = decimal_of(1, 7)
_WEIGHT_SCHEMA = WithJsonSchema({"type": "string", "pattern": "^(0(\\.[0-9]{1,7})?|1(\\.0{1,7})?)$"})


def _fraction(weight: Decimal) -> Decimal:
    if weight > _WHOLE:
        raise ValueError("is a decimal number between 0 and 1")
    return weight


Weight = Annotated[
    Decimal,
    AfterValidator(_fraction),
    _FRACTION,
    _WEIGHT_SCHEMA,
    Shown(lambda weight: plain(Decimal(weight) / rules.WHOLE)),
]


class PortfolioAllocationCreate(Body):
    """An instrument and its weight."""

    instrument_id: Id = Field(description="The instrument.")
    weight: Weight = Field(description="Its part of the whole, above 0 and at most 1.")


class PortfolioAllocationsChange(Body):
    """Other weights of a portfolio, all of them."""

    allocations: list[PortfolioAllocationCreate] = Field(description="The instruments, each once; 1 in all.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        if "allocations" not in unfit:
            yield from rules.weight_errors("allocations", [one.weight for one in body.allocations], _WHOLE)


class PortfolioCreate(PortfolioAllocationsChange):
    """A portfolio: which account is spread over which instruments."""

    account_id: Id = Field(description="An open account of type PORTFOLIO.")
    name: Name = Field(description="What the portfolio is called.")


class PortfolioChange(Body):
    """What can change of a portfolio beside its weights."""

    name: Annotated[Name | None, Unused] = Field(default=None, description="What it is called.")


class PortfolioView(View):
    """A portfolio."""

    id: Id = Field(description="Id of the portfolio.")
    account_id: Id = Field(description="The account it belongs to.")
    name: Name = Field(description="What it is called.")
    status: Status = Field(description="CLOSED once it is ended, or its account is closed.")
    created_at: Instant = Field(description="When it was set up.")
    updated_at: Instant = Field(description="When it last changed.")


class PortfolioAllocationView(View):
    """An instrument of a portfolio."""

    instrument_id: Id = Field(description="The instrument.")
    weight: Weight = Field(description="Its part of the whole, between 0 and 1.")


PortfolioPage = page_of(PortfolioView, "portfolios")
PortfolioAllocationList = list_of(PortfolioAllocationView, "instruments of the portfolio, as they were given")

portfolio_lite = shown(PortfolioView, Configuration)
target_lite = shown(PortfolioAllocationView, Target)


def _allocation(body: PortfolioAllocationsChange, name: str | None) -> NewAllocation:
    named = [NewTarget(one.instrument_id, one.weight * rules.WHOLE) for one in body.allocations]
    return NewAllocation(name, named)


def _targets(allocation: Allocation) -> Json:
    return {"data": [target_lite(snapshot_of(target)) for target in allocation.targets]}


async def list_portfolios(unit: Unit, call: Call) -> Json:
    """List portfolios."""
    return page_lite(await service.list_portfolios(unit, call.query.page_request), portfolio_lite)


async def create_portfolio(unit: Unit, call: Call) -> Json:
    """Set up the portfolio of an account."""
    body: PortfolioCreate = call.body
    return portfolio_lite(
        snapshot_of(await service.create_portfolio(unit, body.account_id, _allocation(body, body.name)))
    )


async def retrieve_portfolio(unit: Unit, call: Call) -> Json:
    """Get a portfolio."""
    return portfolio_lite(snapshot_of(await service.get_portfolio(unit, _id(call))))


async def update_portfolio(unit: Unit, call: Call) -> Json:
    """Change the name of a portfolio."""
    body: PortfolioChange = call.body
    return portfolio_lite(snapshot_of(await service.rename_portfolio(unit, _id(call), body.name)))


async def list_portfolio_allocations(unit: Unit, call: Call) -> Json:
    """List the weights of a portfolio."""
    portfolio = await service.get_portfolio(unit, _id(call))
    return _targets(await service.get_allocation(unit, portfolio.allocation_id))


async def update_portfolio_allocations(unit: Unit, call: Call) -> Json:
    """Replace the weights of a portfolio."""
    return _targets(await service.replace_targets(unit, _id(call), _allocation(call.body, None)))


async def delete_portfolio(unit: Unit, call: Call) -> Json:
    """End a portfolio; what its account holds stays."""
    await service.close_portfolio(unit, _id(call))


def _id(call: Call) -> UUID:
    return call.path["portfolio_id"]


PORTFOLIOS = Operations(LITE, "Portfolios", "portfolios")
WEIGHTS = Operations(LITE, "Portfolio Allocations", "portfolios")
_ALL, _ONE = "/portfolios", "/portfolios/{portfolio_id}"

ENDPOINTS: list[Endpoint] = [
    PORTFOLIOS.lists(_ALL, list_portfolios, PortfolioPage, query=PageQuery),
    PORTFOLIOS.creates(_ALL, create_portfolio, PortfolioView, body=PortfolioCreate, errors=(404, 422)),
    PORTFOLIOS.reads(_ONE, retrieve_portfolio, PortfolioView),
    PORTFOLIOS.changes(_ONE, update_portfolio, PortfolioView, body=PortfolioChange, errors=(409,)),
    PORTFOLIOS.deletes(_ONE, delete_portfolio, errors=(409,), addition=True),
    WEIGHTS.lists(f"{_ONE}/allocations", list_portfolio_allocations, PortfolioAllocationList),
    WEIGHTS.replaces(
        f"{_ONE}/allocations", update_portfolio_allocations, PortfolioAllocationList, body=PortfolioAllocationsChange,
        errors=(409,),
    ),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "portfolio": Representation(event_object("PORTFOLIO"), EventObjectView)
}
TOLD: Mapping[str, EventName] = {"PORTFOLIO.DELETED": "PORTFOLIO.UPDATED"}
UNTOLD = {
    f"PORTFOLIO_ALLOCATION.{name}": "lite has no allocations beside those of a portfolio, whose change it tells"
    for name in ("CREATED", "CHANGED")
}
