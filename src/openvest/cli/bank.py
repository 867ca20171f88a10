"""Operator commands of banks: our accounts, files of payments that leave, statements that come in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from openvest.cli.failures import Failed
from openvest.cli.options import DEFAULT_DATA_DIR, DataDir, Tenant

if TYPE_CHECKING:
    from openvest.db.unit import Unit
    from openvest.features.bank.model import Break
    from openvest.main.installation import Installation
    from openvest.ports.pain import PaymentFile

R = TypeVar("R")
T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Exchange payments and statements with the bank, as files.")

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files are put.")]
StatementFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.xml", help="A camt.053 statement, a camt.054 notification; to import, a pain.002 report."
    ),
]


@app.command(
    "account",
    epilog="Example: openvest bank account --iban DE89370400440532013000 --bic COBADEFFXXX --holder 'Acme Clients'",
)
def account(
    iban: Annotated[str, typer.Option("--iban", help="Our account, where the customers' money is.")],
    bic: Annotated[str, typer.Option("--bic", help="BIC of its bank.")],
    holder: Annotated[str, typer.Option("--holder", help="In whose name it is, in at most 70 characters.")],
    tenant: Tenant = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Say which bank account payments leave from and arrive on; it does not change."""
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.core.bank_accounts import masked_iban, valid_bic, valid_iban
    from openvest.core.problems import Problem
    from openvest.features.bank import service_files
    from openvest.features.bank.model import NewBankAccount

    if not holder.strip():
        raise Failed("The holder has no name.", "give it as the bank writes it: --holder 'Acme Clients'")
    try:
        new = NewBankAccount(service_files.CURRENCY, holder[:70], valid_bic(bic), valid_iban(iban.replace(" ", "")))
    except ValueError as error:
        raise Failed(f"{iban} at {bic} {error}: it does not.", "give them as the bank writes them") from None

    async def work(installation: Installation) -> str:
        found = await one_tenant(installation, tenant)
        database = installation.assembled.database
        await database.write(found.tenant_id, lambda unit: service_files.add_account(unit, new), n=0)
        return f"{found.name}: {masked_iban(new.iban)} holds the customers' money."

    try:
        inside(data_dir, work, typer.echo)
    except Problem as refused:
        raise Failed(refused.detail, "another account is another installation's") from None


@app.command("export", epilog="Example: openvest bank export ./outbox")
def export(
    folder: Folder,
    again: Annotated[
        str | None, typer.Option("--again", metavar="NAME", help="Write a file of before once more, by its name.")
    ] = None,
    tenant: Tenant = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Write the payments whose cut-off has come as pain.001 and pain.008 files; each leaves in one file."""
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.core.problems import Problem
    from openvest.features.bank import service_files

    if not folder.is_dir():
        raise Failed(f"{folder} is no folder.", "make it first: what leaves must have a place")

    async def files(unit: Unit) -> list[PaymentFile]:
        if again is None:
            return await service_files.export_files(unit)
        found = await service_files.file_again(unit, again)
        return [] if found is None else [found]

    async def work(installation: Installation) -> list[PaymentFile]:
        found = await one_tenant(installation, tenant)
        return await installation.assembled.database.write(found.tenant_id, files, n=0)

    def show(made: list[PaymentFile]) -> None:
        write_down(folder, made)
        if not made:
            typer.echo("nothing is to leave" if again is None else f"no file was called {again}")

    try:
        inside(data_dir, work, show)
    except Problem as refused:
        raise Failed(refused.detail, "name it first: openvest bank account") from None


def write_down(folder: Path, files: Sequence[PaymentFile]) -> None:
    """Put all files that can be into the folder. Raises: Failed, which names the others: they have left too."""
    lost: list[str] = []
    for file in files:
        name = folder / f"{file.kind}-{file.message_id}.xml"
        try:
            name.write_bytes(file.content)
        except OSError as error:
            lost.append(file.message_id)
            typer.echo(f"{name} cannot be written ({error.strerror}).", err=True)
        else:
            typer.echo(str(name))
    if lost:
        again = "; ".join(f"openvest bank export {folder} --again {one}" for one in lost)
        raise Failed(f"{len(lost)} of {len(files)} files are not written.", again)


@app.command("import", epilog="Example: openvest bank import statement-2026-03-03.xml")
def import_(file: StatementFile, tenant: Tenant = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Take in what a bank tells, a camt file or a pain.002 report; one that is wrong in one place is not taken, and one
    told twice changes nothing."""
    from openvest.features.bank import service_files

    async def work(unit: Unit, told: service_files.Told) -> str:
        done = await service_files.import_file(unit, told)
        return f"{done.read} lines, {done.new} of them new"

    _with_file(file, tenant, data_dir, service_files.read_file, work, typer.echo)


@app.command("reconcile", epilog="Example: openvest bank reconcile statement-2026-03-03.xml")
def reconcile(file: StatementFile, tenant: Tenant = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Compare a statement with our books, line by line; exit 0 only where nothing differs."""
    from openvest.cli.tables import print_table
    from openvest.features.bank import service_files
    from openvest.ports.camt import read_statements

    found: list[Break] = []

    def show(differences: list[Break]) -> None:
        found.extend(differences)
        rows = [(one.kind, one.reference, one.stated or "", one.booked or "") for one in differences]
        print_table(("difference", "reference", "at the bank", "here"), rows)

    _with_file(file, tenant, data_dir, read_statements, service_files.reconcile_file, show)
    if found:
        raise Failed(f"{len(found)} lines differ.", "import what is missing here, and ask the bank about the rest")


def _with_file(
    file: Path,
    tenant: str | None,
    data_dir: Path,
    read: Callable[[bytes], R],
    work: Callable[[Unit, R], Awaitable[T]],
    show: Callable[[T], None],
) -> None:
    """Work with what a bank tells, in a unit of the tenant. Raises: Failed."""
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.core.problems import Problem
    from openvest.ports.camt import StatementRefused

    async def run(installation: Installation) -> T:
        found = await one_tenant(installation, tenant)
        return await installation.assembled.database.write(found.tenant_id, lambda unit: work(unit, told), n=0)

    try:
        told = read(file.read_bytes())
        inside(data_dir, run, show)
    except StatementRefused as refused:
        raise Failed(f"{file}: {refused}", "nothing was taken in; ask the bank for a sound file") from None
    except Problem as refused:
        raise Failed(f"{file}: {refused.detail}", "nothing was taken in; see openvest bank account") from None
    except OSError as error:
        raise Failed(f"{file} cannot be read ({error.strerror}).", "give the path of a camt file") from None
