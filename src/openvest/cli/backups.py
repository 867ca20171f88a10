"""`openvest backup` and `openvest restore`: a whole installation into a folder, and out of it."""

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
    from openvest.db.backup import Manifest
    from openvest.main.backups import Restored
    from openvest.main.installation import Installation, Urls

BackupFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backup.")]
Verify = Annotated[
    bool,
    typer.Option("--verify", help="Compare every row with the backup and prove the books; exit 0 only if all holds."),
]


def backup(folder: BackupFolder, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Write all that the database holds, as of one instant, into a new folder; a running server goes on meanwhile.

    The folder is private and holds everything except keys: sealed fields stay sealed, and the master key is named by
    its fingerprint alone. Its manifest is written last, so a backup that broke off is recognised and refused.
    """
    from openvest.cli.operator_session import inside
    from openvest.cli.versions import version_of

    async def work(installation: Installation) -> Manifest:
        from openvest.main.backups import back_up

        return await back_up(installation, folder, version_of("openvest"), _progress)

    def show(manifest: Manifest) -> None:
        if as_json:
            typer.echo(json.dumps({"folder": str(folder.resolve()), **_summary(manifest)}, indent=2))
            return
        typer.echo(f"{folder}: {_counted(manifest)}, as of {manifest.made_at}")
        typer.echo("Keep beside it, as safely and in another place, what no backup holds:")
        for line in _to_keep(data_dir):
            typer.echo(f"  {line}")
        typer.echo(f"Try it out: openvest restore {folder} --verify --data-dir ANOTHER_DIR")

    inside(data_dir, work, show)


def restore(
    folder: BackupFolder, verify: Verify = False, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Fill an empty database from a backup: a new data directory, or the database of DATABASE_URL.

    It takes the master key of the installation the backup was made of: put it into DIR/master.key of the new data
    directory, or set OPENVEST_MASTER_KEY. All of it is restored, or nothing.
    """
    from openvest.cli.operator_session import with_database
    from openvest.main.backups import check_backup
    from openvest.main.environment import read_environment

    environment, folder = read_environment(data_dir), folder.expanduser().resolve()
    manifest = check_backup(folder, environment)

    async def work(urls: Urls) -> Restored:
        from openvest.main import backups

        return await backups.restore(urls, environment, folder, manifest, verify=verify, progress=_progress)

    restored: list[Restored] = []

    def show(done: Restored) -> None:
        restored.append(done)
        if as_json:
            proofs = [{"tenant": name, **asdict(proof)} for name, proof in done.proofs]
            told = {**_summary(manifest), "verified": verify, "proofs": proofs, "grants": done.grants}
            typer.echo(json.dumps(told, default=str, indent=2))
            return
        typer.echo(f"restored {_counted(manifest)}, as of {manifest.made_at}")
        for name, proof in done.proofs:
            typer.echo(f"{name}: {'proven' if proof.clean else 'NOT proven'}, {proof.laws} laws")
            for finding in proof.findings:
                typer.echo(f"  {finding.name}: {finding.law}")
        for difference in done.grants:
            typer.echo(f"  {difference}")

    with_database(data_dir, work, show, first=True)
    if not all(done.clean for done in restored):
        raise Failed(
            "What was restored does not hold.",
            "keep it as it is, look at the lines above, and compare with openvest ledger prove where it came from",
        )


def _summary(manifest: Manifest) -> dict[str, object]:
    said = asdict(manifest)
    return {
        **{name: said[name] for name in ("made_at", "openvest", "postgresql", "mode", "tenants")},
        "schema": len(manifest.migrations),
        "master_key": manifest.master_key,
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "bytes": manifest.bytes,
    }


def _counted(manifest: Manifest) -> str:
    tenants = f"{manifest.tenants} tenant{'' if manifest.tenants == 1 else 's'}"
    return f"{tenants}, {manifest.rows:,} rows of {len(manifest.tables)} tables, {manifest.bytes / 1e6:.1f} MB"


def _to_keep(data_dir: Path) -> list[str]:
    """What an operator needs besides the backup."""
    from openvest.main.environment import read_environment
    from openvest.main.first_start import KEYS
    from openvest.main.installation import KEY_FILE
    from openvest.main.profile import PROFILE

    environment = read_environment(data_dir)
    file = "OPENVEST_MASTER_KEY" if environment.master_key is not None else str(data_dir / KEY_FILE)
    return [
        f"the master key: {file}; without it nothing sealed opens and the backup is refused",
        f"the credentials of clients: {data_dir / PROFILE} and {data_dir / KEYS}; without them, clients get new ones",
    ]


def _progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
