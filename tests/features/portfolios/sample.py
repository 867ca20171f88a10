"""What tests know of portfolios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.accounts import service as accounts
from openvest.features.instruments.rules import instrument_id
from openvest.features.portfolios import service as portfolios
from openvest.features.portfolios.model import Allocation, NewAllocation, NewTarget
from tests.kit.customers import Customer, make_customer
from tests.kit.sample import Ask, Asked, Life, Sample

SHARES, OTHER = "DE000A1EWWW0", "DE0008404005"
ALLOCATION = {
    "name": "Sixty forty",
    "allocation": [
        {"instrument_id": SHARES, "instrument_id_type": "ISIN", "weight": "60"},
        {"instrument_id": OTHER, "instrument_id_type": "ISIN", "weight": "40"},
    ],
}
WEIGHTS = [
    {"instrument_id": str(instrument_id(SHARES)), "weight": "0.6"},
    {"instrument_id": str(instrument_id(OTHER)), "weight": "0.4"},
]
PORTFOLIO = {"account_id": "{lite_portfolio_account_id}", "name": "Sixty forty", "allocations": WEIGHTS}


def allocation_of(*weights: str, name: str | None = None) -> NewAllocation:
    """An allocation to the two instruments, or to the first of them."""
    return NewAllocation(name, [NewTarget(*pair) for pair in zip((SHARES, OTHER), map(Decimal, weights), strict=False)])


async def make_allocation(unit: Unit, *weights: str) -> Allocation:
    return await portfolios.create_allocation(unit, allocation_of(*weights or ("60", "40")))


async def portfolio_account(unit: Unit, user_id: UUID, group_id: UUID) -> UUID:
    """An account of type PORTFOLIO, which follows nothing yet."""
    return (await accounts.create_account(unit, user_id, group_id, "PORTFOLIO")).id


async def accounts_of(database: Database, customer: Customer, count: int) -> list[UUID]:
    """So many of them."""

    async def work(unit: Unit) -> list[UUID]:
        return [await portfolio_account(unit, customer.user_id, customer.group_id) for _ in range(count)]

    return await database.write(customer.tenant_id, work)


async def _objects(life: Life) -> Mapping[str, str]:
    user_id, group_id = UUID(life.ids["user_id"]), UUID(life.ids["account_group_id"])

    async def work(unit: Unit) -> Mapping[str, str]:
        of_v1, next_one, of_lite = [await portfolio_account(unit, user_id, group_id) for _ in range(3)]
        portfolio = await portfolios.create_portfolio(unit, of_v1, allocation_of("60", "40", name="Sixty forty"))
        return {
            "portfolio_account_id": str(of_v1),
            "next_portfolio_account_id": str(next_one),
            "lite_portfolio_account_id": str(of_lite),
            "allocation_id": str(portfolio.allocation_id),
            "portfolio_id": str(portfolio.id),
            "instrument_ids": SHARES,
        }

    return await life.write(work)


async def _many(life: Life, count: int) -> None:
    user_id, group_id = UUID(life.ids["user_id"]), UUID(life.ids["account_group_id"])
    allocation_id = UUID(life.ids["allocation_id"])

    async def one(unit: Unit, _: int) -> None:
        await make_allocation(unit)
        await portfolios.create_configuration(unit, await portfolio_account(unit, user_id, group_id), allocation_id)

    await life.write_many(one, count)


async def _allocations(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({}).also(name=f"Allocation {n}") for n in range(count)]


async def _to_configure(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    allocation = await database.write(tenant_id, make_allocation)
    return [
        ask({f"{of}_portfolio_account_id": str(one) for of in ("next", "lite")} | {"allocation_id": str(allocation.id)})
        for one in await accounts_of(database, customer, count)
    ]


async def _configured(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    follow = await accounts_of(database, customer, count)

    async def work(unit: Unit) -> Sequence[Mapping[str, str]]:
        other = await make_allocation(unit)
        made = [await portfolios.create_portfolio(unit, one, allocation_of("60", "40")) for one in follow]
        return [
            {
                "portfolio_account_id": str(one.account_id),
                "portfolio_id": str(one.id),
                "allocation_id": str(other.id),
            }
            for one in made
        ]

    return [ask(ids) for ids in await database.write(tenant_id, work)]


async def _weighed(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    """The answer shows weights alone, so each has its own."""
    asked = await _configured(database, tenant_id, ask, count)
    parts = [Decimal(n + 1) / 10_000 for n in range(count)]
    return [
        one.also(allocations=[WEIGHTS[0] | {"weight": str(1 - part)}, WEIGHTS[1] | {"weight": str(part)}])
        for one, part in zip(asked, parts, strict=True)
    ]


SAMPLE = Sample(
    bodies={
        "POST /portfolios/allocations": ALLOCATION,
        "PUT /portfolios/allocations/{allocation_id}": ALLOCATION,
        "POST /portfolios/configurations": {
            "account_id": "{next_portfolio_account_id}",
            "allocation_id": "{allocation_id}",
        },
        "PATCH /portfolios/configurations/{account_id}": {"allocation_id": "{allocation_id}"},
        "lite POST /portfolios": PORTFOLIO,
        "lite PATCH /portfolios/{portfolio_id}": {"name": "Seventy thirty"},
        "lite PUT /portfolios/{portfolio_id}/allocations": {"allocations": WEIGHTS},
    },
    makers={
        "POST /portfolios/allocations": _allocations,
        "POST /portfolios/configurations": _to_configure,
        "PATCH /portfolios/configurations/{account_id}": _configured,
        "lite POST /portfolios": _to_configure,
        "lite PATCH /portfolios/{portfolio_id}": _configured,
        "lite PUT /portfolios/{portfolio_id}/allocations": _weighed,
        "lite DELETE /portfolios/{portfolio_id}": _configured,
    },
    objects=_objects,
    many=_many,
    texts=frozenset({"instrument_id", "instrument_ids", "name", "weight"}),
    whose={
        f"{operation} account_id": "portfolio_account_id"
        for operation in (
            "GET /portfolios/configurations query",
            "GET /portfolios/configurations/{account_id} path",
            "PATCH /portfolios/configurations/{account_id} path",
            "DELETE /portfolios/configurations/{account_id} path",
        )
    },
    of_tenant=frozenset({"allocation_id"}),
    takes_any={
        "GET /portfolios/configurations query account_id": "a filter: an empty list",
        "GET /portfolios/configurations query allocation_id": "a filter: an empty list",
    },
    whole={
        one: "an allocation has at most 200 instruments"
        for one in (
            "GET /portfolios/allocations/{allocation_id} allocation",
            "lite GET /portfolios/{portfolio_id}/allocations data",
        )
    },
    refused_changes=(
        "portfolio_allocations name = ''",
        "portfolio_configurations status = 'PAUSED'",
    ),
)
