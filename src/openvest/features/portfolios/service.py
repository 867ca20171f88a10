"""Verbs of portfolios: define and replace allocations, have accounts follow them, and stop that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import next_version, save, save_next
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.instruments import service as instruments
from openvest.features.portfolios import rules, store
from openvest.features.portfolios.model import (
    Allocation,
    Configuration,
    NewAllocation,
    Status,
    StoredAllocation,
    Target,
)

_whole = filled(Allocation, StoredAllocation, beside="targets")
_head = filled(StoredAllocation, Allocation)
_stored_target = filled(store.StoredTarget, Target, beside="allocation_id version position")
_target = filled(Target, store.StoredTarget)
_ACTIVE = {"status": "ACTIVE"}


# Allocations


async def create_allocation(unit: Unit, new: NewAllocation, *, field: str = "allocation") -> Allocation:
    """A list of instruments and weights that accounts may follow. `field` names it in what is refused.

    Raises: TargetUnfit. Writes: portfolio_allocations, portfolio_targets, PORTFOLIO_ALLOCATION.CREATED.
    """
    found = await _targets(unit, new, field)
    at = unit.moment_after(None)
    allocation = Allocation(
        id=unit.ids.new("portfolio_allocation"),
        version=1,
        created_at=at,
        updated_at=at,
        name=new.name or rules.DEFAULT_NAME,
        targets=found,
    )
    await save(unit, store.ADD_ALLOCATION, _head(allocation))
    await _save_targets(unit, allocation)
    unit.emit("PORTFOLIO_ALLOCATION.CREATED", allocation.id, 1, at, allocation)
    return allocation


async def replace_allocation(
    unit: Unit, allocation_id: UUID, new: NewAllocation, *, field: str = "allocation"
) -> Allocation:
    """Give an allocation other targets; without a name it keeps its own. Who follows it is not moved.

    Raises: AllocationNotFound, TargetUnfit. Writes: portfolio_allocations, portfolio_targets,
    PORTFOLIO_ALLOCATION.CHANGED.
    """
    unknown = rules.AllocationNotFound()
    old = await unit.known(unknown, store.ALLOCATION_FOR_UPDATE, unit.tenant_id, allocation_id)
    found = await _targets(unit, new, field)
    changed = _whole(next_version(unit, old, name=new.name or old.name), targets=found)
    await save(unit, store.REPLACE_ALLOCATION, _head(changed))
    await _save_targets(unit, changed)
    unit.emit("PORTFOLIO_ALLOCATION.CHANGED", changed.id, changed.version, changed.updated_at, changed)
    return changed


async def get_allocation(unit: Unit, allocation_id: UUID) -> Allocation:
    """Raises: AllocationNotFound."""
    unknown = rules.AllocationNotFound()
    found = await unit.known(unknown, store.ALLOCATION_BY_ID, unit.tenant_id, allocation_id)
    return (await _with_targets(unit, [found]))[0]


async def list_allocations(unit: Unit, request: PageRequest, filters: Mapping[str, Any] = {}) -> Page[Allocation]:
    """A page of all allocations, or of those that the filters leave."""
    found = await page(unit, store.ALLOCATIONS, request, filters)
    return found.of(await _with_targets(unit, found.rows))


async def list_followers(unit: Unit, request: PageRequest, allocation_id: UUID) -> Page[store.Follower]:
    """A page of the accounts that follow an allocation. Raises: AllocationNotFound."""
    await unit.known(rules.AllocationNotFound(), store.ALLOCATION_BY_ID, unit.tenant_id, allocation_id)
    return await page(unit, store.FOLLOWERS, request, {"allocation_id": allocation_id, **_ACTIVE})


async def _targets(unit: Unit, new: NewAllocation, field: str) -> Sequence[Target]:
    known = await instruments.named(unit, [target.instrument for target in new.targets])
    return rules.targets(field, new.targets, known)


async def _save_targets(unit: Unit, allocation: Allocation) -> None:
    rows = [
        _stored_target(target, allocation_id=allocation.id, version=allocation.version, position=position)
        for position, target in enumerate(allocation.targets)
    ]
    await save(unit, store.ADD_TARGETS, *rows)


async def _with_targets(unit: Unit, found: Sequence[StoredAllocation]) -> list[Allocation]:
    targets: dict[UUID, list[Target]] = {one.id: [] for one in found}
    for row in await unit.rows(store.TARGETS, unit.tenant_id, list(targets)):
        targets[row.allocation_id].append(_target(row))
    return [_whole(one, targets=tuple(targets[one.id])) for one in found]


# Configurations


async def create_configuration(
    unit: Unit, account_id: UUID, allocation_id: UUID, *, name: str | None = None
) -> Configuration:
    """Have an account follow an allocation. Without a name the portfolio is called as the allocation.

    Raises: AccountNotFound, AccountTakesNoPortfolio, AllocationNotFound, ConfigurationExists. Writes:
    portfolio_configurations, PORTFOLIO.CREATED.
    """
    await _check_account(unit, account_id)
    allocation = await unit.known(rules.AllocationNotFound(), store.ALLOCATION_FOR_SHARE, unit.tenant_id, allocation_id)
    if await unit.row(store.CONFIGURATION_OF_ACCOUNT, unit.tenant_id, account_id) is not None:
        raise rules.ConfigurationExists
    at = unit.moment_after(None)
    configuration = Configuration(
        id=unit.ids.new("portfolio_configuration"),
        version=1,
        created_at=at,
        updated_at=at,
        account_id=account_id,
        allocation_id=allocation_id,
        name=name or allocation.name,
        status="ACTIVE",
    )
    if not await save(unit, store.ADD_CONFIGURATION, configuration):
        raise rules.ConfigurationExists
    unit.emit("PORTFOLIO.CREATED", configuration.id, 1, at, configuration)
    return configuration


async def _check_account(unit: Unit, account_id: UUID) -> None:
    account = await accounts.get_account(unit, account_id)
    facts = await accounts.account_facts_for_share(unit, {account_id: account.user_id})
    rules.check_account(facts[account_id])


async def get_configuration(unit: Unit, account_id: UUID) -> Configuration:
    """What an account follows. Raises: ConfigurationNotFound."""
    unknown = rules.ConfigurationNotFound()
    return await unit.known(unknown, store.CONFIGURATION_OF_ACCOUNT, unit.tenant_id, account_id)


async def list_configurations(unit: Unit, request: PageRequest, filters: Mapping[str, Any] = {}) -> Page[Configuration]:
    """A page of the configurations there are, or of those that the filters leave."""
    return await page(unit, store.CONFIGURATIONS, request, {**filters, **_ACTIVE})


async def change_configuration(unit: Unit, account_id: UUID, allocation_id: UUID | None) -> Configuration:
    """Have an account follow another allocation from its next rebalancing on; None and the same change nothing.

    Raises: ConfigurationNotFound, AllocationNotFound. Writes: portfolio_configurations, PORTFOLIO.UPDATED.
    """
    configuration = await _of_account_for_update(unit, account_id)
    if allocation_id is None or allocation_id == configuration.allocation_id:
        return configuration
    await unit.known(rules.AllocationNotFound(), store.ALLOCATION_FOR_SHARE, unit.tenant_id, allocation_id)
    return await _move(unit, configuration, "change", allocation_id=allocation_id)


async def delete_configuration(unit: Unit, account_id: UUID) -> None:
    """Have an account follow nothing any more. What it holds stays.

    Raises: ConfigurationNotFound. Writes: portfolio_configurations, PORTFOLIO.DELETED.
    """
    await _move(unit, await _of_account_for_update(unit, account_id), "close")


async def _of_account_for_update(unit: Unit, account_id: UUID) -> Configuration:
    unknown = rules.ConfigurationNotFound()
    return await unit.known(unknown, store.CONFIGURATION_OF_ACCOUNT_FOR_UPDATE, unit.tenant_id, account_id)


async def _move(unit: Unit, configuration: Configuration, verb: str, **changes: Any) -> Configuration:
    status = cast(Status, rules.CONFIGURATION.move(configuration.status, verb))
    event = "PORTFOLIO.DELETED" if status == "CLOSED" else "PORTFOLIO.UPDATED"
    return await save_next(unit, store.SAVE_CONFIGURATION, configuration, event, status=status, **changes)


async def close_portfolios(unit: Unit, account_ids: Sequence[UUID]) -> None:
    """These accounts are closed: they follow nothing any more. Writes: portfolio_configurations, PORTFOLIO.DELETED."""
    for found in await unit.rows(store.OF_ACCOUNTS_FOR_UPDATE, unit.tenant_id, sorted(set(account_ids))):
        await _move(unit, found, "close")


async def refuse_to_follow(unit: Unit, account_ids: Sequence[UUID]) -> None:
    """These accounts get another type. Raises: FollowsAllocation."""
    if await unit.rows(store.OF_ACCOUNTS_FOR_UPDATE, unit.tenant_id, sorted(set(account_ids))):
        raise rules.FollowsAllocation


# Portfolios: a configuration with an allocation of its own


async def create_portfolio(unit: Unit, account_id: UUID, new: NewAllocation) -> Configuration:
    """Have an account follow an allocation that is its own.

    Raises: as create_allocation and create_configuration. Writes: as they do.
    """
    await _check_account(unit, account_id)
    allocation = await create_allocation(unit, new, field="allocations")
    return await create_configuration(unit, account_id, allocation.id)


async def get_portfolio(unit: Unit, portfolio_id: UUID) -> Configuration:
    """One by its own id, a CLOSED one too. Raises: PortfolioNotFound."""
    return await unit.known(rules.PortfolioNotFound(), store.PORTFOLIO_BY_ID, unit.tenant_id, portfolio_id)


async def list_portfolios(unit: Unit, request: PageRequest) -> Page[Configuration]:
    """A page of all there are and were."""
    return await page(unit, store.PORTFOLIOS, request)


async def rename_portfolio(unit: Unit, portfolio_id: UUID, name: str | None) -> Configuration:
    """Call a portfolio otherwise; None and the same name change nothing.

    Raises: PortfolioNotFound, WrongState. Writes: portfolio_configurations, PORTFOLIO.UPDATED.
    """
    portfolio = await _portfolio_for_update(unit, portfolio_id)
    if name is None or name == portfolio.name:
        return portfolio
    return await _move(unit, portfolio, "change", name=name)


async def replace_targets(unit: Unit, portfolio_id: UUID, new: NewAllocation) -> Allocation:
    """Have a portfolio aim at other weights. One that shares its allocation gets one of its own, so that nobody else's
    weights change.

    Raises: PortfolioNotFound, WrongState, TargetUnfit. Writes: portfolio_allocations, portfolio_targets,
    portfolio_configurations, PORTFOLIO_ALLOCATION.…, PORTFOLIO.UPDATED.
    """
    portfolio = await _portfolio_for_update(unit, portfolio_id)
    unknown = rules.AllocationNotFound()
    await unit.known(unknown, store.ALLOCATION_FOR_UPDATE, unit.tenant_id, portfolio.allocation_id)
    if await unit.one(store.FOLLOWED_BY_OTHERS, unit.tenant_id, portfolio.allocation_id, portfolio.id):
        own = await create_allocation(unit, new, field="allocations")
    else:
        own = await replace_allocation(unit, portfolio.allocation_id, new, field="allocations")
    await _move(unit, portfolio, "change", allocation_id=own.id)
    return own


async def close_portfolio(unit: Unit, portfolio_id: UUID) -> None:
    """As delete_configuration. Raises: PortfolioNotFound, WrongState. Writes: portfolio_configurations,
    PORTFOLIO.DELETED."""
    await _move(unit, await _portfolio_for_update(unit, portfolio_id), "close")


async def _portfolio_for_update(unit: Unit, portfolio_id: UUID) -> Configuration:
    return await unit.known(rules.PortfolioNotFound(), store.PORTFOLIO_FOR_UPDATE, unit.tenant_id, portfolio_id)
