"""R18: lives of money, units and orders, step by step beside a model in memory that must agree after each of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import asyncpg
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from openvest import catalog
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.ground import ground
from tests.gates.life_model import Account, Model, Pace
from tests.gates.life_steps import Life, PlannedVenue
from tests.kit.imports import owner_of
from tests.kit.lifecycles import moves_watched, untold_states
from tests.kit.orders import make_trader
from tests.kit.world import make_tenant

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STEPS = 30
"""Of one life, after which its books are proved."""

_RULES = st.sampled_from(
    (
        "top_up top_up cancel_topup buy buy buy buy sell sell cancel advance advance advance move_account"
        " change_instrument"
    ).split()
)
_STEPS = st.lists(st.tuples(_RULES, st.integers(0, 2**32)), min_size=STEPS, max_size=STEPS)
_PACES: st.SearchStrategy[Pace] = st.sampled_from(("instant", "calendar"))


async def begin(world: Assembled, owner: asyncpg.Connection[asyncpg.Record], name: str, pace: Pace) -> Life:
    """A customer with a first top-up on a frozen clock. `owner` imports what becomes of the instrument."""
    tenant_id = await make_tenant(world.database, name, pace=pace, frozen_at=MONDAY)
    trader = await make_trader(world, tenant_id, "")
    venue = PlannedVenue()
    world.runner.ports = replace(world.runner.ports, venue=venue)
    life = Life(trader, Model(pace, MONDAY), venue, owner, accounts=[trader.customer.account_id])
    life.model.accounts.append(Account())
    await life.bring()  # the life before may have failed while it was changed
    await life.top_up(Random(0))
    return life


async def live(
    world: Assembled,
    owner: asyncpg.Connection[asyncpg.Record],
    name: str,
    pace: Pace,
    steps: Sequence[tuple[str, int]],
    told: Counter[str],
) -> None:
    """One life, its moves and news watched. Raises: AssertionError with all its steps."""
    life = await begin(world, owner, name, pace)
    try:
        with moves_watched() as unlocked:
            await _steps(life, steps, told)
        assert not unlocked, f"what is moved was not locked: {unlocked[:3]}"
        await life.compare(everything=True)
        told.update(f"order {order.status}" for order in life.model.orders)
        told["executions"] += len(life.model.executions)
        proof = await prove_tenant(world.database, life.trader.customer.tenant_id, catalog.INVARIANTS)
        assert proof.clean, f"the books are not sound: {proof.findings}"
        untold = await world.database.read(life.trader.customer.tenant_id, untold_states)
        assert not untold, f"the news tells other states than the tables: {untold[:3]}"
    except AssertionError as error:
        raise AssertionError(f"{error}\nafter {len(life.said)} steps at pace {pace}: " + "; ".join(life.said)) from None


async def _steps(life: Life, steps: Sequence[tuple[str, int]], told: Counter[str]) -> None:
    for rule, number in steps:
        life.model.now = (await life.trader.world.clockwork.show(life.trader.customer.tenant_id)).now
        await getattr(life, rule)(Random(number))
        await life.compare()
        told[rule] += 1


async def lives(run: Run) -> Verdict:
    """As many lives as there are steps for. What a life does follows from the run's seed."""
    told: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    async with ground() as stand, owner_of(stand.cluster, stand.world.database) as owner:

        @seed(run.seed)
        @settings(
            max_examples=run["steps"] // STEPS,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=(Phase.generate,),  # a life is short, and a smaller one is not worth the hours it is looked for
            suppress_health_check=list(HealthCheck),
        )
        @given(pace=_PACES, steps=_STEPS)
        def one(pace: Pace, steps: Sequence[tuple[str, int]]) -> None:
            told["lives"] += 1
            life = live(stand.world, owner, f"Life {told['lives']}", pace, steps, told)
            asyncio.run_coroutine_threadsafe(life, loop).result()

        await asyncio.to_thread(one)
    steps = told["lives"] * STEPS
    ends = ", ".join(f"{count} {name}" for name, count in sorted(told.items()) if name.startswith("order "))
    assert told["executions"] > told["lives"], f"hardly anything was executed: {told}"
    return Verdict(
        f"{steps} steps of {told['lives']} lives agree with the model; {told['executions']} executions; {ends}"
    )


R18 = Gate(
    "R18 ledger-model",
    "ledger and order life are what a model in memory says",
    lives,
    push={"steps": 600},
    night={"steps": 51_000},
    minutes=12,
)
