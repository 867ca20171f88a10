"""The statements of allocations and configurations. $1 is always the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.core.records import record
from openvest.db.paging import Chain, Listing, days_of
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.declarations import AuditQuery
from openvest.features.portfolios.model import Configuration, StoredAllocation, Target


@record
class StoredTarget(Target):
    """A target as stored: of one version of an allocation, at its place there."""

    allocation_id: UUID
    version: int
    position: int


@record
class Follower:
    """An account that follows an allocation."""

    account_id: UUID


_ALLOCATION, _CONFIGURATION, _TARGET = columns(StoredAllocation), columns(Configuration), columns(StoredTarget)

ALLOCATIONS = Listing(
    StoredAllocation,
    columns=_ALLOCATION,
    source="portfolio_allocations",
    filters={
        **days_of("created_at"),
        "instrument_ids": "exists (select from portfolio_targets t where t.tenant_id = $1"
        " and t.allocation_id = portfolio_allocations.id and t.version = portfolio_allocations.version"
        " and t.instrument_id = any({}::uuid[]))",
    },
    sorts={"id": "id"},
    default_sort="id",
    chains=(Chain(),),
)
ALLOCATION_BY_ID = Query(
    StoredAllocation, f"select {_ALLOCATION} from portfolio_allocations where tenant_id = $1 and id = $2"
)
ALLOCATIONS_BY_ID = Query(
    StoredAllocation, f"select {_ALLOCATION} from portfolio_allocations where tenant_id = $1 and id = any($2::uuid[])"
)
ALLOCATION_FOR_SHARE = Query(StoredAllocation, f"{ALLOCATION_BY_ID.sql} for share")
ALLOCATION_FOR_UPDATE = Query(StoredAllocation, f"{ALLOCATION_BY_ID.sql} for no key update")
TARGETS = Query(
    StoredTarget,
    f"""select {_TARGET} from portfolio_targets t
 where t.tenant_id = $1 and t.allocation_id = any($2::uuid[])
   and t.version = (select a.version from portfolio_allocations a where a.tenant_id = $1 and a.id = t.allocation_id)
 order by t.allocation_id, t.position""",
)
ADD_ALLOCATION = insert("portfolio_allocations", StoredAllocation)
REPLACE_ALLOCATION = update("portfolio_allocations", StoredAllocation, "version updated_at name")
ADD_TARGETS = insert("portfolio_targets", StoredTarget)

CONFIGURATIONS = Listing(
    Configuration,
    columns=_CONFIGURATION,
    source="portfolio_configurations",
    filters={
        "status": "status = {}",
        **days_of("created_at"),
        "account_id": "account_id = {}",
        "allocation_id": "allocation_id = {}",
    },
    sorts={"account_id": "account_id"},
    default_sort="account_id",
)
FOLLOWERS = Listing(
    Follower,
    columns="account_id",
    source="portfolio_configurations",
    filters={"status": "status = {}", "allocation_id": "allocation_id = {}"},
    sorts={"id": "account_id"},
    default_sort="id",
    tie="account_id",
)
PORTFOLIOS = Listing(
    Configuration,
    columns=_CONFIGURATION,
    source="portfolio_configurations",
    filters={},
    sorts={"created_at": "created_at"},
    default_sort="created_at",
    chains=(Chain(),),
)
CONFIGURATION_OF_ACCOUNT = Query(
    Configuration,
    f"select {_CONFIGURATION} from portfolio_configurations"
    " where tenant_id = $1 and account_id = $2 and status = 'ACTIVE'",
)
CONFIGURATION_OF_ACCOUNT_FOR_UPDATE = Query(Configuration, f"{CONFIGURATION_OF_ACCOUNT.sql} for no key update")
OF_ACCOUNTS_FOR_UPDATE = Query(
    Configuration,
    f"select {_CONFIGURATION} from portfolio_configurations"
    " where tenant_id = $1 and account_id = any($2::uuid[]) and status = 'ACTIVE' order by id for no key update",
)
PORTFOLIO_BY_ID = Query(
    Configuration, f"select {_CONFIGURATION} from portfolio_configurations where tenant_id = $1 and id = $2"
)
PORTFOLIO_FOR_UPDATE = Query(Configuration, f"{PORTFOLIO_BY_ID.sql} for no key update")
FOLLOWED_BY_OTHERS = Query(
    bool,
    "select exists (select from portfolio_configurations"
    " where tenant_id = $1 and allocation_id = $2 and id <> $3 and status = 'ACTIVE')",
)
ADD_CONFIGURATION = insert("portfolio_configurations", Configuration, unless="account_id", among="status = 'ACTIVE'")
SAVE_CONFIGURATION = update("portfolio_configurations", Configuration, "version updated_at allocation_id name status")

AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "allocations_are_whole",
        "The targets of each version of an allocation add up to 100 percent, each above zero, each instrument once.",
        """
select a.id as allocation_id, a.version, sum(t.weight) as weight, count(t.instrument_id) as targets
  from portfolio_allocations a
  left join portfolio_targets t on t.tenant_id = a.tenant_id and t.allocation_id = a.id and t.version = a.version
 where a.tenant_id = $1
 group by a.id, a.version
having sum(t.weight) is distinct from 100 or count(t.instrument_id) <> count(distinct t.instrument_id)
""",
    ),
)
