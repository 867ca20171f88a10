"""Operator commands: the books, the events, imports, the schema, and what is wrong with this machine."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openvest.cli.failures import Failed
from openvest.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir, OnlyTenant, Tenant

if TYPE_CHECKING:
    from openvest.events.log import LoggedEvent
    from openvest.features.instruments.model import ImportDone
    from openvest.features.segregation.service import Standing
    from openvest.ledger.audit import Proof
    from openvest.ledger.trial import TrialLine
    from openvest.main.environment import Environment
    from openvest.main.installation import Installation, Urls

ledger = typer.Typer(no_args_is_help=True, help="Prove the books, and show what is in them.")
events = typer.Typer(no_args_is_help=True, help="Read the numbered events.")
instruments = typer.Typer(no_args_is_help=True, help="Import instruments of your own.")
prices = typer.Typer(no_args_is_help=True, help="Import prices of your own.")
db = typer.Typer(no_args_is_help=True, help="Bring the schema up to date, judge the database, lay it out over nodes.")

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.csv",
        help="UTF-8, comma-separated; the first line names the columns (docs/imports.md).",
    ),
]


@ledger.command("prove", epilog="Example: openvest ledger prove")
def prove(tenant: OnlyTenant = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Hold the books of one tenant, or of all, against every law; exit 0 only if none is broken."""
    from openvest.cli.operator_session import chosen_tenants, inside

    async def work(installation: Installation) -> list[tuple[str, Proof]]:
        from openvest.catalog import INVARIANTS
        from openvest.ledger.audit import prove_tenant

        database = installation.assembled.database
        found = await chosen_tenants(installation, tenant)
        return [(one.name, await prove_tenant(database, one.tenant_id, INVARIANTS)) for one in found]

    def show(proofs: list[tuple[str, Proof]]) -> None:
        if as_json:
            typer.echo(json.dumps([{"tenant": name, **asdict(proof)} for name, proof in proofs], default=str, indent=2))
            return
        for name, proof in proofs:
            _print_proof(name, proof)

    proofs = inside(data_dir, work, show)
    if not all(proof.clean for _, proof in proofs):
        raise Failed(
            "The books break a law.", "keep the database as it is and look at the rows above; nothing repairs them"
        )


def _print_proof(name: str, proof: Proof) -> None:
    from openvest.cli.tables import print_table

    verdict = "proven" if proof.clean else f"{len(proof.findings)} laws broken"
    typer.echo(f"{name}: {verdict}, {proof.laws} laws in {proof.milliseconds / 1000:.2f} s")
    print_table(("figure", "value"), [(figure, value) for figure, value in proof.figures.items()], numbers=("value",))
    for finding in proof.findings:
        typer.echo(f"\n{finding.name}: {finding.law}")
        for row in finding.rows:
            typer.echo(f"  {row}")


@ledger.command("balances", epilog="Example: openvest ledger balances --tenant sandbox")
def balances(tenant: OnlyTenant = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show what customers own and the house holds and owes; every asset sums to zero."""
    from openvest.cli.operator_session import chosen_tenants, inside

    async def work(installation: Installation) -> list[tuple[str, list[TrialLine]]]:
        from openvest.ledger.trial import trial_balance

        database = installation.assembled.database
        found = await chosen_tenants(installation, tenant)
        return [(one.name, await database.read(one.tenant_id, trial_balance)) for one in found]

    def show(found: list[tuple[str, list[TrialLine]]]) -> None:
        if as_json:
            rows = [{"tenant": name, **asdict(line)} for name, lines in found for line in lines]
            typer.echo(json.dumps(rows, default=str, indent=2))
            return
        from openvest.cli.tables import print_table

        for name, lines in found:
            rows = [(x.asset, x.side, x.bucket, "memo" if x.memo else "", f"{x.amount:f}") for x in lines]
            print_table(("asset", "side", "bucket", "", "amount"), rows, title=name, numbers=("amount",))

    inside(data_dir, work, show)


@ledger.command("segregation", epilog="Example: openvest ledger segregation --tenant sandbox")
def segregation(tenant: OnlyTenant = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show, per currency, what must be at the bank for customers, what is there, and the difference.

    Client money is not the house's: it stands in accounts of its own. What
    must be there is made up of:

    customers: the settled money of every account group, at least zero for
    each, so that no group's debt is paid with another's money. It counts
    although the bank may not have it: a top-up that is not wired, proceeds
    before their settlement.

    suspense: what arrived and is nobody's yet (openvest payments list).

    charges: fees and taxes of settled trades.

    A missing amount is the house's to pay, and what is below zero is too much.
    At the close of each business day (T2, 18:00 in Berlin) the journal
    SEGREGATION moves it from or to the house's own account; until then it
    grows and shrinks with what is booked. This command only looks.
    """
    from openvest.cli.operator_session import chosen_tenants, inside

    async def work(installation: Installation) -> list[tuple[str, Standing]]:
        from openvest.features.segregation.service import standing

        database = installation.assembled.database
        found = await chosen_tenants(installation, tenant)
        return [(one.name, await database.read(one.tenant_id, standing, one_snapshot=True)) for one in found]

    inside(data_dir, work, lambda found: _print_standings(found, as_json))


_SEGREGATION = ("customers", "suspense", "charges", "required", "held", "missing")


def _print_standings(found: list[tuple[str, Standing]], as_json: bool) -> None:
    from openvest.cli.tables import print_table
    from openvest.core.money import cents

    rows = [
        (name, one.done_on, x.currency, [cents(getattr(x, figure)) for figure in _SEGREGATION])
        for name, one in found
        for x in one.requirements
    ]
    if as_json:
        told = [
            {"tenant": name, "done_on": day, "currency": currency, **dict(zip(_SEGREGATION, figures, strict=True))}
            for name, day, currency, figures in rows
        ]
        typer.echo(json.dumps(told, default=str, indent=2))
        return
    for name, one in found:
        mine = [(currency, *figures) for owner, _, currency, figures in rows if owner == name]
        last = "not segregated yet" if one.done_on is None else f"last segregated on {one.done_on}"
        print_table(("currency", *_SEGREGATION), mine, title=f"{name}: {last}", numbers=_SEGREGATION)


@events.command("list", epilog="Example: openvest events list --after 100 --json")
def list_events(
    after: Annotated[int, typer.Option("--after", metavar="N", min=0, help="Those with a higher number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many.")] = 1000,
    tenant: Tenant = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """List events in the order of their numbers, which have no gap."""
    from openvest.cli.operator_session import inside, one_tenant

    async def work(installation: Installation) -> list[LoggedEvent]:
        from openvest.events.log import events_after
        from openvest.events.sequencer import number_events

        database = installation.assembled.database
        chosen = await one_tenant(installation, tenant)
        await number_events(database, chosen.tenant_id)
        return await database.read(chosen.tenant_id, lambda unit: events_after(unit, after, limit))

    inside(data_dir, work, lambda found: _print_events(found, as_json))


def _print_events(found: list[LoggedEvent], as_json: bool) -> None:
    if as_json:
        for event in found:
            typer.echo(json.dumps(asdict(event), default=_plain, ensure_ascii=False))
        return
    from openvest.cli.tables import print_table
    from openvest.core.clock import instant

    rows = [(str(e.sequence), instant(e.created_at), e.type, str(e.object_id), str(e.object_version)) for e in found]
    print_table(("number", "at", "type", "object", "version"), rows, numbers=("number", "version"))


def _plain(value: Any) -> str:
    from datetime import datetime

    from openvest.core.clock import instant

    return instant(value) if isinstance(value, datetime) else str(value)


@instruments.command("import", epilog="Example: openvest instruments import my_instruments.csv")
def import_instruments(file: File, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Add and change instruments from a CSV file; with one wrong line nothing is imported."""
    from openvest.features.instruments import service

    _import(file, data_dir, service.import_instruments)


@prices.command("import", epilog="Example: openvest prices import xetr_2026.csv")
def import_prices(file: File, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Add prices from a CSV file of bars or quotes; with one wrong line nothing is imported."""
    from openvest.features.instruments import service

    _import(file, data_dir, service.import_prices)


def _import(file: Path, data_dir: Path, into: Callable[[Any, Any], Awaitable[ImportDone]]) -> None:
    from openvest.cli.operator_session import inside
    from openvest.core.table_files import BEGINNING, ENCODING, ImportRefused, check_beginning
    from openvest.main.installation import as_owner

    async def work(installation: Installation) -> ImportDone:
        with file.open("rb") as content:
            check_beginning(content.read(BEGINNING))
        with file.open(encoding=ENCODING, newline="") as lines:
            async with as_owner(installation.urls) as connection:
                return await into(connection, lines)

    try:
        inside(data_dir, work, lambda done: typer.echo(_counted(done.lines, done.kind, "imported")), first=True)
    except ImportRefused as refused:
        for error in refused.errors:
            typer.echo(str(error), err=True)
        raise Failed(
            f"{file} has {_counted(len(refused.errors), 'errors')}; nothing was imported.",
            "correct the lines and import it again",
        ) from None
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
        raise Failed(f"{file} cannot be read ({error}).", "give the path of a CSV file in UTF-8") from None


def _counted(number: int, things: str, rest: str = "") -> str:
    """So many things, one of them in the singular."""
    return f"{number} {things.removesuffix('s') if number == 1 else things} {rest}".rstrip()


@db.command("migrate", epilog="Example: DATABASE_URL=… DATABASE_ADMIN_URL=… openvest db migrate")
def migrate(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Bring the schema up to date, as its owner; without DATABASE_URL that of the embedded database."""
    from openvest.cli.operator_session import with_database

    async def work(urls: Urls) -> int:
        from openvest.main import installation

        return await installation.migrate(urls, typer.echo)

    def show(applied: int) -> None:
        typer.echo(_counted(applied, "migrations", "applied") if applied else "the schema is up to date")

    with_database(data_dir, work, show, first=True)


@db.command("check", epilog="Example: openvest db check")
def check(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Say whether the database may be served: settings, schema, role, master key, and who has been granted what."""
    from openvest.cli.operator_session import with_database
    from openvest.main.environment import read_environment

    with_database(
        data_dir,
        lambda urls: _check(urls, read_environment(data_dir)),
        lambda layout: typer.echo(f"settings, schema, role, grants and master key are as they must be\n{layout}"),
    )


@db.command("distribute", epilog="Example: DATABASE_URL=… DATABASE_ADMIN_URL=… openvest db distribute --shards 64")
def distribute(
    shards: Annotated[
        int | None,
        typer.Option(
            "--shards",
            metavar="N",
            min=1,
            max=64_000,
            help="Into how many parts tenants are dealt, the first time; more than there will ever be nodes. By default"
            " what the server has in citus.shard_count, mostly 32.",
        ),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Lay the database out over the nodes of a Citus cluster, by tenant, as the owner of the schema.

    Before it: Citus 12 or newer on every node, CREATE EXTENSION citus, the
    nodes added (citus_add_node), both roles made on each of them, and every
    OpenVest process stopped, for tables that hold rows are copied.

    All tables of a tenant come to stand on one node, instruments and prices
    on every node, nonces and rates on the coordinator, which is the server
    that DATABASE_URL names. What stands already is left, so an interrupted
    run is simply repeated; tables of later migrations follow by themselves.

    docs/operations/scale.md tells what this is good for, what a dead node
    stops, and what of it was tried.
    """
    from openvest.cli.operator_session import with_database

    async def work(urls: Urls) -> str:
        from openvest.main import layout

        return (await layout.distribute(urls, shards, typer.echo)).sentence()

    with_database(data_dir, work, typer.echo)


async def _check(urls: Urls, environment: Environment) -> str:
    from openvest.db.grants import differences
    from openvest.main import installation, layout

    await installation.check_whole(urls, environment)
    async with installation.as_app(urls) as connection:
        found = await differences(connection, urls.app_role)
    for difference in found:
        typer.echo(difference, err=True)
    if found:
        raise Failed(
            f"The grants are not those of the migrations, in {_counted(len(found), 'places')}.",
            "revoke what is granted beside them and grant what is missing, as the owner of the tables",
        )
    return await layout.sentence(urls)


def doctor(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    host: Annotated[
        str | None, typer.Option("--host", metavar="H", help="Address that is to be listened on; as for --port.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="N",
            min=1,
            max=65535,
            help="Port that is to be listened on; without it that of the profile, or 8000.",
        ),
    ] = None,
) -> None:
    """Say what is there: machine, database, keys, port; what would stop a start; and what waits for somebody.

    Changes nothing. Exits 1 where something would stop a start, or where work was set aside.
    """
    from openvest.cli.doctor import durability_risks, hidden_work, look_around

    lines, troubles = look_around(data_dir, host, port)
    for line in lines:
        typer.echo(f"  {line}")
    for trouble in troubles:
        typer.echo(f"✘ {trouble}")
    if troubles:
        raise Failed("OpenVest would not start here.", f"begin with the first: {troubles[0]}")
    for sentence in durability_risks(data_dir):
        typer.echo(f"! {sentence}")
    hidden = hidden_work(data_dir)
    for sentence in hidden:
        typer.echo(f"✘ {sentence}")
    if hidden:
        raise Failed("OpenVest would start, but work was set aside.", "openvest work list")
    typer.echo("✔ nothing stands in the way")
