"""`openvest tenants …`: which there are, the clock of each, who collects for it; and one to another installation."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openvest.cli import tenant_moves
from openvest.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir

if TYPE_CHECKING:
    from openvest.main.installation import Installation

app = typer.Typer(
    no_args_is_help=True, help="Show the tenants, and move one to another installation; client create makes them."
)

_COLUMNS = ("tenant", "tenant_id", "mode", "licence", "pace", "clock", "now")


@app.callback()
def tenants() -> None:
    """What the commands share; the text of their help stands at `app`."""


@app.command("list", epilog="Example: openvest tenants list --json")
def list_(as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """List tenants, the oldest first, with the instant their business stands at."""
    from openvest.cli.operator_session import inside

    inside(data_dir, _tenants, lambda rows: _print(rows, as_json))


async def _tenants(installation: Installation) -> list[dict[str, Any]]:
    from openvest.core.clock import instant
    from openvest.db.unit import Unit
    from openvest.features.tenants import service

    database = installation.assembled.database

    async def shown(unit: Unit) -> dict[str, Any]:
        tenant = await service.get_tenant(unit)
        return {
            "tenant": tenant.name,
            "tenant_id": str(tenant.tenant_id),
            "mode": tenant.mode,
            "licence": tenant.licence,
            "pace": tenant.pace,
            "now": instant(unit.now),
            "created_at": instant(tenant.created_at),
        }

    rows: list[dict[str, Any]] = []
    clocks = {clock.tenant_id: clock for clock in await service.all_clocks(database)}
    for known in await service.all_tenants(database):
        clock = clocks[known.tenant_id]
        going = "advancing" if clock.advancing else "frozen" if clock.frozen else "running"
        rows.append({**await database.read(known.tenant_id, shown), "clock": "closed" if clock.closed else going})
    return rows


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    from openvest.cli.tables import print_table

    titles = tuple(name.replace("_", " ") for name in _COLUMNS)
    print_table(titles, [tuple(row[name] for name in _COLUMNS) for row in rows])


@app.command(
    epilog='Example: openvest tenants creditor acme --name "Acme Securities" --id DE98ZZZ09999999999 '
    '--street "Ring 1" --postcode 10115 --city Berlin --country DE'
)
def creditor(
    tenant: tenant_moves.Name,
    name: Annotated[str, typer.Option("--name", help="Who collects, of at most 70 characters.")],
    creditor_id: Annotated[str, typer.Option("--id", help="Its SEPA creditor identifier.")],
    street: Annotated[str, typer.Option("--street", help="Street and number.")],
    postcode: Annotated[str, typer.Option("--postcode", help="Postal code.")],
    city: Annotated[str, typer.Option("--city", help="Town.")],
    country: Annotated[str, typer.Option("--country", help="ISO 3166-1 alpha-2 code.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Say who collects direct debits for a tenant; mandates that were given keep whom they name."""
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.features.mandates import service
    from openvest.features.mandates.model import Creditor

    lines = {"address_line1": street, "address_line2": None, "state": None}
    collects = Creditor(name, creditor_id, {**lines, "postcode": postcode, "city": city, "country": country})

    async def work(installation: Installation) -> str:
        found = await one_tenant(installation, tenant)
        await installation.assembled.database.write(found.tenant_id, lambda unit: service.name_creditor(unit, collects))
        return f"{found.name}: {name} ({creditor_id}) collects direct debits."

    inside(data_dir, work, typer.echo)


@app.command(
    "bank-code", epilog="Example: openvest tenants bank-code acme --country DE --code 90000000 --bic OPVTDEFFXXX"
)
def bank_code(
    tenant: tenant_moves.Name,
    country: Annotated[str, typer.Option("--country", help="ISO 3166-1 alpha-2 code.")],
    code: Annotated[str, typer.Option("--code", help="The bank's code, as IBANs of the country have it.")],
    bic: Annotated[str, typer.Option("--bic", help="The bank's BIC.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Say at which bank a tenant's virtual accounts are numbered; those that are open keep their IBAN."""
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.features.fundings import service
    from openvest.features.fundings.model import BankCode

    async def work(installation: Installation) -> str:
        found = await one_tenant(installation, tenant)
        bank = BankCode(country, code, bic)
        await installation.assembled.database.write(found.tenant_id, lambda unit: service.name_bank_code(unit, bank))
        return f"{found.name}: virtual accounts are numbered under {code} in {country}."

    inside(data_dir, work, typer.echo)


@app.command(
    "cut-off",
    epilog="Example: openvest tenants cut-off acme 15:30; openvest tenants cut-off acme 12:00 --venue XLON",
)
def cut_off(
    tenant: tenant_moves.Name,
    local_time: Annotated[datetime, typer.Argument(metavar="HH:MM", formats=["%H:%M"], help="In the venue's time.")],
    venue: Annotated[
        str | None, typer.Option("--venue", help="MIC of the venue; all that have no time of their own unless given.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Say when a tenant's BLOCK orders are netted and sent, 16:00 unless said.

    Orders join until 5 minutes before. A time outside the session of a day is moved into it. An order that waits
    already takes the first cut-off at or after the one it waits for.
    """
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.features.blocks import service

    async def work(installation: Installation) -> str:
        found, local = await one_tenant(installation, tenant), local_time.time()
        await installation.assembled.database.write(
            found.tenant_id, lambda unit: service.name_cut_off(unit, venue, local)
        )
        return f"{found.name}: blocks are sent at {local:%H:%M}, local time of {venue or 'every other venue'}."

    inside(data_dir, work, typer.echo)


app.command("export", epilog=tenant_moves.EXPORT_EXAMPLES)(tenant_moves.export)
app.command("import", epilog=tenant_moves.IMPORT_EXAMPLES)(tenant_moves.import_)
app.command("reopen", epilog="Example: openvest tenants reopen acme")(tenant_moves.reopen)
