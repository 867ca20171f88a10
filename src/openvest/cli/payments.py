"""Operator commands about money that arrived and whose owner is not known: see it, assign it, send it back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from openvest.cli import tenant_moves
from openvest.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir

if TYPE_CHECKING:
    from openvest.db.unit import Unit
    from openvest.main.installation import Installation

app = typer.Typer(no_args_is_help=True, help="See money in suspense; assign it to an account group, or send it back.")
Line = Annotated[UUID, typer.Argument(metavar="ID", help="The id that payments list shows.", show_default=False)]
_COLUMNS = ("id", "booked on", "amount", "currency", "from", "text", "why")
MOST = 1_000
"""How many lines are listed at once, the oldest."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line whose money stands in suspense, as it is printed. Below zero: the bank took it."""

    id: str
    booked_on: str
    amount: str
    currency: str
    counterparty: str
    text: str
    why: str


@app.command("list", epilog="Example: openvest payments list acme --json")
def list_(tenant: tenant_moves.Name, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """List what stands in suspense, the oldest first, and why: no reference, or a wrong one, or another amount.

    What the bank took, below zero, was told before what it takes back, or is
    of something unknown. As soon as its partner comes both leave the list.
    """
    from openvest.cli.operator_session import inside, one_tenant

    async def work(installation: Installation) -> list[Listed]:
        found = await one_tenant(installation, tenant)
        return await installation.assembled.database.read(found.tenant_id, _unmatched)

    def show(rows: list[Listed]) -> None:
        from dataclasses import asdict, astuple

        from openvest.cli.tables import print_table

        if as_json:
            typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        else:
            print_table(_COLUMNS, [astuple(row) for row in rows])

    inside(data_dir, work, show)


async def _unmatched(unit: Unit) -> list[Listed]:
    from openvest.core.money import cents
    from openvest.features.bank import service as bank

    found = await bank.list_unmatched(unit, MOST)
    listed: list[Listed] = []
    for line in found:
        counterparty = bank.open_parties(unit, line).counterparty
        amount = cents(line.amount if line.kind == "CREDIT" else -line.amount)
        name = "" if counterparty is None else counterparty.name
        row = Listed(
            id=str(line.id),
            booked_on=str(line.booking_on),
            amount=amount,
            currency=line.currency,
            counterparty=name,
            text=line.remittance_information,
            why=line.why_unmatched,
        )
        listed.append(row)
    return listed


@app.command(epilog="Example: openvest payments assign acme 0197… 4e1c…")
def assign(
    tenant: tenant_moves.Name,
    line_id: Line,
    account_group_id: Annotated[
        UUID, typer.Argument(metavar="ACCOUNT_GROUP", help="The account group it is for.", show_default=False)
    ],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Credit an account group with money in suspense: it becomes a credit funding of its own."""
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.core.money import cents
    from openvest.features.fundings import service_suspense

    async def work(installation: Installation) -> str:
        found = await one_tenant(installation, tenant)
        funding = await installation.assembled.database.write(
            found.tenant_id, lambda unit: service_suspense.assign_payment(unit, line_id, account_group_id)
        )
        return f"{cents(funding.cash_amount)} {funding.currency} are the credit funding {funding.id}."

    inside(data_dir, work, typer.echo)


@app.command("return", epilog="Example: openvest payments return acme 0197…")
def return_(tenant: tenant_moves.Name, line_id: Line, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Send money in suspense back to the account it came from, with the bank's next cut-off."""
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.features.fundings import service_suspense

    async def work(installation: Installation) -> str:
        found = await one_tenant(installation, tenant)
        await installation.assembled.database.write(
            found.tenant_id, lambda unit: service_suspense.return_payment(unit, line_id)
        )
        return "It goes back with the bank's next cut-off, and is listed again if the bank refuses."

    inside(data_dir, work, typer.echo)
