"""Scenarios: what the simulated outside world does with the next objects of an account, a user or a reference.

A scenario is laid once and used up by so many objects, the oldest scenario first. What an object drew is kept under the
object's id, so a question repeated after a crash meets the same fate. An object is only affected by scenarios that
were laid before it went out.

Writes: scenarios, scenario_uses. Source: DOMAIN.md section 7 "Scenarios".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from openvest.core.paging import Page, PageRequest
from openvest.core.problems import NotFound
from openvest.core.records import record
from openvest.db.paging import Listing, page
from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit

Kind = Literal["order", "check", "data_change", "payout", "direct_debit"]
Name = Literal[
    "order_rejected",
    "order_partial_then_cancelled",
    "order_several_executions",
    "order_delayed",
    "check_fails",
    "check_pending",
    "data_change_fails",
    "data_change_pending",
    "payout_rejected",
    "payout_rejected_other",
    "payout_delayed",
    "payout_returned",
    "direct_debit_rejected",
    "direct_debit_rejected_other",
    "direct_debit_delayed",
    "direct_debit_returned",
    "direct_debit_charged_back",
    "direct_debit_unauthorised",
]


@record
class ScenarioName:
    """What a scenario of this name does, to which kind of object; the documentation is made from these."""

    name: Name
    kind: Kind
    description: str


SCENARIOS = (
    ScenarioName("order_rejected", "order", "The venue refuses the order at once, in session or not."),
    ScenarioName(
        "order_partial_then_cancelled",
        "order",
        "The venue executes half of the order, then cancels the rest at its next price. An order of one whole share or "
        "one cent has no half and is cancelled.",
    ),
    ScenarioName(
        "order_several_executions", "order", "The venue executes the order in three parts at three prices in a row."
    ),
    ScenarioName("order_delayed", "order", "The order reaches the venue one hour later."),
    ScenarioName("check_fails", "check", "The check of the user fails."),
    ScenarioName("check_pending", "check", "The check stays undecided until it is passed or failed by a test call."),
    ScenarioName("data_change_fails", "data_change", "The change of the user's data is refused."),
    ScenarioName("data_change_pending", "data_change", "The change of the user's data stays undecided."),
    ScenarioName("payout_rejected", "payout", "The bank refuses to pay out, on the day on which it was to."),
    ScenarioName("payout_rejected_other", "payout", "The bank refuses to pay out, for a reason that no code explains."),
    ScenarioName("payout_delayed", "payout", "The bank pays out one bank day later."),
    ScenarioName("payout_returned", "payout", "The receiving bank sends the money back, two days after it was paid."),
    ScenarioName("direct_debit_rejected", "direct_debit", "The payer's bank refuses the debit before it is settled."),
    ScenarioName(
        "direct_debit_rejected_other",
        "direct_debit",
        "The payer's bank refuses the debit, for a reason that no code explains.",
    ),
    ScenarioName("direct_debit_delayed", "direct_debit", "The debit is settled one bank day later."),
    ScenarioName(
        "direct_debit_returned", "direct_debit", "The payer's bank returns the debit two days after it was settled."
    ),
    ScenarioName(
        "direct_debit_charged_back", "direct_debit", "The payer has the debit refunded five weeks after it was settled."
    ),
    ScenarioName(
        "direct_debit_unauthorised",
        "direct_debit",
        "The payer has the debit refunded as unauthorised, 300 days after it was settled.",
    ),
)
"""Every scenario there is."""

KINDS: dict[Name, Kind] = {scenario.name: scenario.kind for scenario in SCENARIOS}


@record
class Scenario:
    """A scenario that was laid. Shape: exactly one of the three places it lies at is given."""

    id: UUID
    created_at: datetime
    name: str
    account_id: UUID | None
    user_id: UUID | None
    client_reference: str | None
    times: int
    used: int
    removed_at: datetime | None


@record
class Candidate:
    """An object that may use a scenario up. `since`: when it went out, None where that is not known."""

    object_id: UUID
    kind: Kind
    user_id: UUID | None = None
    account_id: UUID | None = None
    client_reference: str | None = None
    since: datetime | None = None


@record
class _Drawn:
    object_id: UUID
    name: str


@record
class _Open:
    """A scenario that is not used up."""

    id: UUID
    created_at: datetime
    name: str
    kind: str
    account_id: UUID | None
    user_id: UUID | None
    client_reference: str | None
    remaining: int

    def fits(self, candidate: Candidate) -> bool:
        if self.kind != candidate.kind or (candidate.since is not None and candidate.since < self.created_at):
            return False
        return (
            (self.account_id is not None and self.account_id == candidate.account_id)
            or (self.user_id is not None and self.user_id == candidate.user_id)
            or (self.client_reference is not None and self.client_reference == candidate.client_reference)
        )


_COLUMNS = "id, created_at, name, account_id, user_id, client_reference, times, used, removed_at"

INSERT = Statement(
    "insert into scenarios (tenant_id, id, created_at, name, kind, account_id, user_id, client_reference, times)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)
REMOVE = Statement("update scenarios set removed_at = $3 where tenant_id = $1 and id = $2 and removed_at is null")
LIST = Listing(
    Scenario,
    _COLUMNS,
    "scenarios",
    {"open": "(used < times and removed_at is null) = {}"},
    {"created_at": "created_at"},
    "created_at",
)

DRAWN = Query(
    _Drawn,
    "select u.object_id, s.name from scenario_uses u"
    " join scenarios s on s.tenant_id = u.tenant_id and s.id = u.scenario_id"
    " where u.tenant_id = $1 and u.object_id = any($2)",
)
_FITTING = (
    "from scenarios where tenant_id = $1 and used < times and removed_at is null and kind = any($2)"
    " and (account_id = any($3) or user_id = any($4) or client_reference = any($5))"
)
ANY_OPEN = Query(bool, "select exists (select " + _FITTING + ") as found")
CLAIM = Query(
    _Open,
    "select id, created_at, name, kind, account_id, user_id, client_reference, times - used as remaining "
    + _FITTING
    + " order by created_at, id for no key update",
)
USE = Statement(
    "insert into scenario_uses (tenant_id, object_id, scenario_id, created_at)"
    " select o.tenant_id, t.object_id, t.scenario_id, $4 from tenants o"
    " cross join unnest($2::uuid[], $3::uuid[]) as t(object_id, scenario_id) where o.tenant_id = $1"
)
COUNT = Statement(
    "update scenarios s set used = s.used + t.n from unnest($2::uuid[], $3::integer[]) as t(id, n)"
    " where s.tenant_id = $1 and s.id = t.id"
)


async def lay(
    unit: Unit,
    name: Name,
    times: int,
    *,
    account_id: UUID | None = None,
    user_id: UUID | None = None,
    client_reference: str | None = None,
) -> Scenario:
    """Lay a scenario for the next objects of exactly one place. Writes: scenarios."""
    laid = Scenario(unit.ids.new("scenario"), unit.now, name, account_id, user_id, client_reference, times, 0, None)
    await unit.run(
        INSERT,
        unit.tenant_id,
        laid.id,
        laid.created_at,
        name,
        KINDS[name],
        account_id,
        user_id,
        client_reference,
        times,
    )
    return laid


async def scenarios_page(unit: Unit, request: PageRequest, *, only_open: bool | None = None) -> Page[Scenario]:
    """The scenarios of this tenant, used up and removed ones included."""
    return await page(unit, LIST, request, {"open": only_open})


async def remove(unit: Unit, scenario_id: UUID) -> None:
    """No further object uses it; what was used stays. Raises: NotFound. Writes: scenarios."""
    if await unit.run(REMOVE, unit.tenant_id, scenario_id, unit.now) == 0:
        raise NotFound("There is no scenario of this id, or it was removed before.")


async def take(database: Database, tenant_id: UUID, candidates: Sequence[Candidate]) -> dict[UUID, str]:
    """The name of the scenario of each object that has one, in a unit of its own. Writes: scenario_uses, scenarios.

    The candidates' order decides who gets what is scarce.
    """
    if not candidates:
        return {}

    async def look(unit: Unit) -> dict[UUID, str] | None:
        drawn = await _drawn(unit, candidates)
        new = [candidate for candidate in candidates if candidate.object_id not in drawn]
        return None if new and await unit.one(ANY_OPEN, *_fitting(unit, new)) else drawn

    async def draw(unit: Unit) -> dict[UUID, str]:
        opened = await unit.rows(CLAIM, *_fitting(unit, candidates))
        # Read under the lock of the scenarios, so that an object asked about twice at once draws once.
        drawn = await _drawn(unit, candidates)
        uses = _uses(opened, [candidate for candidate in candidates if candidate.object_id not in drawn])
        if uses:
            await unit.run(USE, tenant_id, list(uses), [found.id for found in uses.values()], unit.now)
            counts = Counter(found.id for found in uses.values())
            await unit.run(COUNT, tenant_id, list(counts), list(counts.values()))
        return drawn | {object_id: found.name for object_id, found in uses.items()}

    known = await database.read(tenant_id, look)
    return known if known is not None else await database.write(tenant_id, draw, n=0)


async def _drawn(unit: Unit, candidates: Sequence[Candidate]) -> dict[UUID, str]:
    rows = await unit.rows(DRAWN, unit.tenant_id, [candidate.object_id for candidate in candidates])
    return {row.object_id: row.name for row in rows}


def _fitting(unit: Unit, candidates: Sequence[Candidate]) -> tuple[object, ...]:
    return (
        unit.tenant_id,
        sorted({candidate.kind for candidate in candidates}),
        [candidate.account_id for candidate in candidates if candidate.account_id is not None],
        [candidate.user_id for candidate in candidates if candidate.user_id is not None],
        [candidate.client_reference for candidate in candidates if candidate.client_reference is not None],
    )


def _uses(opened: Sequence[_Open], candidates: Sequence[Candidate]) -> dict[UUID, _Open]:
    """Who uses which scenario up: each object the oldest that fits and is not used up yet."""
    remaining = {found.id: found.remaining for found in opened}
    uses: dict[UUID, _Open] = {}
    for candidate in candidates:
        found = next((one for one in opened if remaining[one.id] > 0 and one.fits(candidate)), None)
        if found is not None:
            remaining[found.id] -= 1
            uses[candidate.object_id] = found
    return uses
