"""`openvest tenants export`, `import` and `reopen`: a tenant from one installation to another."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openvest.cli.failures import Failed
from openvest.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir

if TYPE_CHECKING:
    from openvest.core.sealing import Secrets
    from openvest.db.tenant_file import Exported
    from openvest.main.installation import Installation
    from openvest.main.tenant_moves import Imported

EXPORT_EXAMPLES = (
    "Examples: openvest tenants export acme acme.zip [dim]· move it: closed here, goes on elsewhere[/dim] "
    "openvest tenants export sandbox copy.zip --keep-open [dim]· share a copy[/dim]"
)
IMPORT_EXAMPLES = (
    "Examples: openvest tenants import acme.zip --data-dir ./other "
    "openvest tenants import copy.zip --as pauls-sandbox --key-file copy.zip.key"
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The tenant, as openvest tenants list names it.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file the tenant travels in.")]
KeepOpen = Annotated[
    bool,
    typer.Option("--keep-open", help="A copy of a sandbox: the tenant goes on here, and is another one there."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="64 hexadecimal digits that sealed values travel under. Without it OPENVEST_EXPORT_KEY, else FILE.key.",
    ),
]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Another name for the tenant here.")]


def export(
    name: Name,
    file: File,
    keep_open: KeepOpen = False,
    key_file: KeyFile = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Write all of a tenant into one file, as of one instant, and close the tenant here.

    A closed tenant is read as before and refuses writes (403 tenant_closed); openvest tenants reopen takes that back.
    Tokens stay behind. Sealed fields travel sealed under a key of the file: one that is not there yet is made and
    written to the key file. Send file and key by different ways; names and addresses stand in the file unsealed.
    """
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.cli.versions import version_of

    key, made = _export_key(file, key_file)

    async def work(installation: Installation) -> tuple[Exported, int]:
        from openvest.main.tenant_moves import export_tenant

        tenant = await one_tenant(installation, name)
        version = version_of("openvest")
        return await export_tenant(installation, tenant, file, key, version, keep_open=keep_open, progress=_progress)

    def show(done: tuple[Exported, int]) -> None:
        exported, size = done
        if as_json:
            told = {"file": str(file.resolve()), "bytes": size, "key_file": made and str(made), **_summary(exported)}
            typer.echo(json.dumps(told, indent=2))
            return
        typer.echo(f"{file}: {name}, {exported.rows:,} rows, {size / 1e6:.1f} MB, as of {exported.made_at}")
        if made is not None:
            typer.echo(f"The key of the file is in {made}; whoever imports needs it, and nobody else may have it.")
        if exported.moved:
            typer.echo(f"{name} takes no writes here any more. Should it stay: openvest tenants reopen {name}")
        typer.echo(f"Bring it in: openvest tenants import {file} --data-dir ANOTHER_DIR")

    try:
        inside(data_dir, work, show)
    except BaseException:
        if made is not None and not file.exists():
            made.unlink(missing_ok=True)
        raise


def import_(
    file: File,
    as_name: As = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Bring a tenant in from a file of openvest tenants export, all of it or nothing, and prove its books.

    It takes writes once they are proven.

    A moved tenant keeps its ids, clients and subscriptions. A copy gets an id of its own and no clients, and its
    subscriptions are switched off, so that nothing is delivered twice. Instruments it has traded come along; one that
    the master here describes otherwise is refused.
    """
    from openvest.cli.operator_session import inside

    key = _import_key(file, key_file)

    async def work(installation: Installation) -> Imported:
        from openvest.main.tenant_moves import import_tenant

        return await import_tenant(installation, file, key, as_name, _progress)

    imported: list[Imported] = []

    def show(done: Imported) -> None:
        imported.append(done)
        if as_json:
            told = {"tenant": done.name, "tenant_id": str(done.tenant_id), "same_master_key": done.same_key}
            typer.echo(
                json.dumps({**_summary(done.exported), **told, "proof": asdict(done.proof)}, default=str, indent=2)
            )
            return
        typer.echo(f"{done.name}: {done.exported.rows:,} rows, as of {done.exported.made_at}")
        typer.echo(f"{done.name}: {'proven' if done.proof.clean else 'NOT proven'}, {done.proof.laws} laws")
        for finding in done.proof.findings:
            typer.echo(f"  {finding.name}: {finding.law}")
        for line in _what_is_left(done):
            typer.echo(line)

    inside(data_dir, work, show, first=True)
    if not all(done.proof.clean for done in imported):
        raise Failed(
            "What was imported does not hold, so it is only read here.",
            "look at the lines above, and compare with openvest ledger prove where it came from",
        )


def reopen(name: Name, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Let a tenant that was exported take writes here again, because the move was given up.

    Where it was imported it must not go on: a tenant that is written in two places becomes two.
    """
    from openvest.cli.operator_session import inside, one_tenant

    async def work(installation: Installation) -> None:
        from openvest.main import tenant_moves

        await tenant_moves.reopen(installation, await one_tenant(installation, name))

    inside(data_dir, work, lambda _: typer.echo(f"{name} takes writes here again."))


def _what_is_left(done: Imported) -> list[str]:
    """What its new operator still does."""
    if not done.exported.moved:
        return [
            f"It has no clients yet: openvest client create --tenant {done.name} --contract v1 --scopes all",
            "Its subscriptions to webhooks are switched off.",
        ]
    if not done.same_key:
        return ["The master key differs, so clients need new secrets: openvest client rotate-secret CLIENT_ID"]
    return []


def _summary(exported: Exported) -> dict[str, object]:
    names = ("made_at", "openvest", "mode", "tenant_id", "name", "moved", "key")
    tables = {member.name: member.rows for member in exported.members}
    return {**{name: getattr(exported, name) for name in names}, "rows": exported.rows, "tables": tables}


def _export_key(file: Path, key_file: Path | None) -> tuple[Secrets, Path | None]:
    """The file's key, and where one was written that had to be made. Raises: Failed, OSError."""
    from openvest.core.sealing import new_master_key
    from openvest.db.files import write_private
    from openvest.main.environment import export_key

    where = key_file or _beside(file)
    if (key_file is None and export_key() is not None) or where.exists():
        return _import_key(file, key_file), None
    if file.exists():
        raise Failed(f"{file} is there already.", "name another file")
    text = new_master_key()
    write_private(where, text + "\n")
    return _read(text, str(where)), where


def _import_key(file: Path, key_file: Path | None) -> Secrets:
    """Raises: Failed, OSError."""
    from openvest.main.environment import export_key

    text = export_key()
    if key_file is None and text is not None:
        return _read(text, "OPENVEST_EXPORT_KEY")
    where = key_file or _beside(file)
    if not where.exists():
        raise Failed(
            f"There is no key of the file in {where}.",
            "put the key there that its export made, name its file with --key-file, or set OPENVEST_EXPORT_KEY",
        )
    return _read(where.read_text(encoding="ascii", errors="replace"), str(where))


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.key")


def _read(text: str, source: str) -> Secrets:
    from openvest.core.sealing import Secrets

    try:
        return Secrets.from_hex(text)
    except ValueError:
        raise Failed(f"{source} does not hold 64 hexadecimal digits.", "make a key with openssl rand -hex 32") from None


def _progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
