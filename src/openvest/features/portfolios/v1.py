"""Allocations and configurations as v1 takes and shows them: weights in percent, configurations named by account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from openvest.core.ids import parse_id
from openvest.core.money import plain
from openvest.core.problems import FieldError
from openvest.core.schema import ISIN_PATTERN, UUID_PATTERN, Body, Day, Id, Instant, Shown, Unused, View, decimal_of
from openvest.core.schema_people import Name
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.instruments.service import id_of_name
from openvest.features.portfolios import rules, service
from openvest.features.portfolios.model import Allocation, Configuration, NewAllocation, NewTarget
from openvest.features.portfolios.store import Follower
from openvest.operations import V1, Operations

_FRACTIONS = Decimal(1)
_PERCENT, _ = decimal_of(3, 5)
_WEIGHT_SCHEMA = WithJsonSchema({"type": "string", "pattern": "^(100|[0-9]{1,2}(\\.[0-9]{1,5})?)$"})


def _percent(weight: Decimal) -> Decimal:
    if weight > rules.WHOLE or (weight == rules.WHOLE and weight.as_tuple().exponent != 0):
        raise ValueError("is a percentage: 100, or below with at most 5 decimals")
    return weight


Weight = Annotated[
    Decimal, AfterValidator(_percent), _PERCENT, _WEIGHT_SCHEMA, Shown(lambda weight: plain(Decimal(weight)))
]


def _named(value: Any) -> Any:
    try:
        return value if re.fullmatch(ISIN_PATTERN, value) else parse_id(value)
    except (TypeError, ValueError):
        raise ValueError("is an ISIN or a UUID") from None


InstrumentName = Annotated[
    str | UUID,
    BeforeValidator(_named),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "string", "pattern": ISIN_PATTERN},
                {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
            ]
        }
    ),
]


class AllocationEntryCreate(Body):
    """An instrument and its weight."""

    instrument_id: InstrumentName = Field(description="The instrument: its ISIN, or its UUID where the type is UPVEST.")
    instrument_id_type: Literal["ISIN", "UPVEST"] = Field(description="How the instrument is named.")
    weight: Weight = Field(description="Its part in percent, above zero.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        if unfit.isdisjoint({"instrument_id", "instrument_id_type"}):
            by_id = isinstance(body.instrument_id, UUID)
            if by_id != (body.instrument_id_type == "UPVEST"):
                yield FieldError("instrument_id", f"is {'an ISIN' if by_id else 'a UUID'}, as instrument_id_type says")


class AllocationCreate(Body):
    """Instruments and their weights, which add up to 100; those of all that add up to 1 are taken as fractions."""

    name: Annotated[Name | None, Unused] = Field(default=None, description="What it is called.")
    allocation: list[AllocationEntryCreate] = Field(description="The instruments, each once.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        if "allocation" not in unfit:
            weights = [entry.weight for entry in body.allocation]
            yield from rules.weight_errors("allocation", weights, _FRACTIONS if sum(weights) == 1 else rules.WHOLE)


class AllocationEntryView(View):
    """An instrument and its weight."""

    instrument_id: InstrumentName = Field(description="The instrument, named as it was given.")
    instrument_id_type: Literal["ISIN", "UPVEST"] = Field(description="How the instrument is named.")
    weight: Weight = Field(description="Its part in percent.")


class AllocationView(View):
    """Instruments and their weights, which accounts may follow."""

    id: Id = Field(description="Id of the allocation.")
    created_at: Instant = Field(description="When it was defined.")
    updated_at: Instant = Field(description="When it was last replaced.")
    name: Name = Field(description="What it is called.")
    allocation: list[AllocationEntryView] = Field(description="The instruments, as they were given.")


class PortfolioConfigurationCreate(Body):
    """Which allocation an account is to follow."""

    account_id: Id = Field(description="An active account of type PORTFOLIO.")
    allocation_id: Id = Field(description="The allocation it follows.")


class PortfolioConfigurationChange(Body):
    """What is to change; what is left out stays."""

    allocation_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The allocation it follows from its next rebalancing on."
    )


class PortfolioConfigurationView(View):
    """Which allocation an account follows."""

    created_at: Instant = Field(description="When it was set.")
    updated_at: Instant = Field(description="When it last changed.")
    account_id: Id = Field(description="The account.")
    allocation_id: Id = Field(description="The allocation it follows.")


class AllocationAccountView(View):
    """An account that follows the allocation."""

    id: Id = Field(description="Id of the account.")


AllocationPage = page_of(AllocationView, "allocations")
AllocationAccountPage = page_of(AllocationAccountView, "accounts")
PortfolioConfigurationPage = page_of(PortfolioConfigurationView, "portfolio configurations")


def _instruments(texts: Sequence[str]) -> Sequence[UUID]:
    found = [id_of_name(name.strip()) for text in texts for name in text.split(",")]
    named = [one for one in found if one is not None]
    if len(named) < len(found):
        raise ValueError("is a list of ISINs or UUIDs, separated by commas")
    return named


class _DatedQuery(PageQuery):
    start_date: Annotated[Day | None, Unused] = Field(default=None, description="Made on this day in UTC, or later.")
    end_date: Annotated[Day | None, Unused] = Field(default=None, description="Made on this day in UTC, or before.")


class AllocationQuery(_DatedQuery):
    """Filters and order of allocations."""

    instrument_ids: Annotated[list[UUID] | None, BeforeValidator(_instruments), WithJsonSchema({"type": "string"})] = (
        Field(default=None, description="Only those with one of these: ISINs or UUIDs, separated by commas.")
    )
    sort: Literal["id"] = Field(default="id", description="Field to order by.")


class AllocationAccountQuery(PageQuery):
    """Order of the accounts."""

    sort: Literal["id"] = Field(default="id", description="Field to order by.")


class PortfolioConfigurationQuery(_DatedQuery):
    """Filters and order of configurations."""

    account_id: Annotated[Id | None, Unused] = Field(default=None, description="Only that of this account.")
    allocation_id: Annotated[Id | None, Unused] = Field(default=None, description="Only those that follow this one.")
    sort: Literal["account_id"] = Field(default="account_id", description="Field to order by.")


def _entries(allocation: Snapshot) -> Json:
    return [_entry(target) for target in allocation["targets"]]


def _entry(target: Snapshot) -> Json:
    name, kind = (target["instrument_id"], "UPVEST") if target["by_id"] else (target["isin"], "ISIN")
    return {"instrument_id": name, "instrument_id_type": kind, "weight": plain(Decimal(target["weight"]))}


allocation_v1 = shown(AllocationView, Allocation, allocation=_entries)
configuration_v1 = shown(PortfolioConfigurationView, Configuration)
_account_v1 = shown(AllocationAccountView, Follower, id="account_id")


def _allocation(body: AllocationCreate) -> NewAllocation:
    weights = [entry.weight for entry in body.allocation]
    scale = rules.WHOLE if sum(weights) == 1 else _FRACTIONS
    named: Sequence[NewTarget] = [NewTarget(one.instrument_id, one.weight * scale) for one in body.allocation]
    return NewAllocation(body.name, named)


async def list_portfolios_allocations(unit: Unit, call: Call) -> Json:
    """List allocations."""
    query: AllocationQuery = call.query
    return page_v1(await service.list_allocations(unit, query.page_request, query.filters), allocation_v1)


async def create_portfolios_allocation(unit: Unit, call: Call) -> Json:
    """Define an allocation."""
    return allocation_v1(snapshot_of(await service.create_allocation(unit, _allocation(call.body))))


async def retrieve_portfolios_allocation(unit: Unit, call: Call) -> Json:
    """Get an allocation."""
    return allocation_v1(snapshot_of(await service.get_allocation(unit, call.path["allocation_id"])))


async def update_portfolios_allocation(unit: Unit, call: Call) -> Json:
    """Replace an allocation."""
    found = await service.replace_allocation(unit, call.path["allocation_id"], _allocation(call.body))
    return allocation_v1(snapshot_of(found))


async def list_portfolios_allocation_accounts(unit: Unit, call: Call) -> Json:
    """List the accounts that follow an allocation."""
    found = await service.list_followers(unit, call.query.page_request, call.path["allocation_id"])
    return page_v1(found, _account_v1)


async def list_portfolios_configurations(unit: Unit, call: Call) -> Json:
    """List portfolio configurations."""
    query: PortfolioConfigurationQuery = call.query
    return page_v1(await service.list_configurations(unit, query.page_request, query.filters), configuration_v1)


async def create_portfolios_configuration(unit: Unit, call: Call) -> Json:
    """Have an account follow an allocation."""
    body: PortfolioConfigurationCreate = call.body
    return configuration_v1(snapshot_of(await service.create_configuration(unit, body.account_id, body.allocation_id)))


async def retrieve_portfolios_configuration(unit: Unit, call: Call) -> Json:
    """Get the portfolio configuration of an account."""
    return configuration_v1(snapshot_of(await service.get_configuration(unit, call.path["account_id"])))


async def update_portfolios_configuration(unit: Unit, call: Call) -> Json:
    """Have an account follow another allocation."""
    body: PortfolioConfigurationChange = call.body
    found = await service.change_configuration(unit, call.path["account_id"], body.allocation_id)
    return configuration_v1(snapshot_of(found))


async def delete_portfolios_configuration(unit: Unit, call: Call) -> Json:
    """Have an account follow no allocation any more."""
    await service.delete_configuration(unit, call.path["account_id"])


PORTFOLIOS = Operations(V1, "Portfolios", "portfolios")
_ALLOCATIONS, _CONFIGURATIONS = "/portfolios/allocations", "/portfolios/configurations"
_ALLOCATION, _CONFIGURATION = f"{_ALLOCATIONS}/{{allocation_id}}", f"{_CONFIGURATIONS}/{{account_id}}"

ENDPOINTS: list[Endpoint] = [
    PORTFOLIOS.lists(
        _ALLOCATIONS, list_portfolios_allocations, AllocationPage, query=AllocationQuery, errors=(404, 405)
    ),
    PORTFOLIOS.creates(
        _ALLOCATIONS, create_portfolios_allocation, AllocationView, body=AllocationCreate, errors=(404,)
    ),
    PORTFOLIOS.reads(_ALLOCATION, retrieve_portfolios_allocation, AllocationView),
    PORTFOLIOS.replaces(_ALLOCATION, update_portfolios_allocation, AllocationView, body=AllocationCreate),
    PORTFOLIOS.lists(
        f"{_ALLOCATION}/accounts", list_portfolios_allocation_accounts, AllocationAccountPage,
        query=AllocationAccountQuery, errors=(405,),
    ),
    PORTFOLIOS.lists(
        _CONFIGURATIONS, list_portfolios_configurations, PortfolioConfigurationPage,
        query=PortfolioConfigurationQuery, errors=(404, 405),
    ),
    PORTFOLIOS.creates(
        _CONFIGURATIONS, create_portfolios_configuration, PortfolioConfigurationView,
        body=PortfolioConfigurationCreate, errors=(404, 422),
    ),
    PORTFOLIOS.reads(_CONFIGURATION, retrieve_portfolios_configuration, PortfolioConfigurationView, errors=(405,)),
    PORTFOLIOS.changes(
        _CONFIGURATION, update_portfolios_configuration, PortfolioConfigurationView,
        body=PortfolioConfigurationChange, key_required=True,
    ),
    PORTFOLIOS.deletes(_CONFIGURATION, delete_portfolios_configuration),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "portfolio allocation": Representation(allocation_v1, AllocationView),
    "portfolio": Representation(configuration_v1, PortfolioConfigurationView),
}
