"""A backup of an installation, and an installation out of a backup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openvest.catalog import INVARIANTS
from openvest.db.address import Progress
from openvest.db.backup import About, Manifest, empty_folder, read_manifest, write_backup
from openvest.db.checks import StartRefused
from openvest.db.grants import differences
from openvest.db.restore import load_backup
from openvest.features.tenants import service as tenants
from openvest.ledger.audit import Proof, prove_tenant
from openvest.main.environment import Environment
from openvest.main.installation import KEY_FILE, Installation, Urls, as_app, as_owner, known_key, opened


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `proofs` are of every tenant and `grants` what is otherwise, where both were asked for."""

    manifest: Manifest
    proofs: tuple[tuple[str, Proof], ...] = ()
    grants: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.grants and all(proof.clean for _, proof in self.proofs)


async def back_up(installation: Installation, folder: Path, version: str, progress: Progress) -> Manifest:
    """Raises: BackupRefused, StartRefused without the owner's URL, SchemaRefused, OSError. Writes: the folder."""
    async with as_owner(installation.urls) as connection:
        about = About(version, installation.mode, installation.seed, installation.secrets.key_id)
        return await write_backup(connection, empty_folder(folder), about, progress)


def check_backup(folder: Path, environment: Environment) -> Manifest:
    """What is to be restored, before anything is made for it. Raises: BackupRefused, StartRefused for its key."""
    manifest = read_manifest(folder)
    key = known_key(environment)
    if key is None:
        raise StartRefused(
            f"The backup is sealed with a master key, and there is none in {environment.data_dir / KEY_FILE}; put "
            f"the key of "
            f"the installation it was made of there, or set OPENVEST_MASTER_KEY to it."
        )
    if key.key_id != manifest.master_key:
        raise StartRefused(
            "The master key is not the one this backup is sealed with (their fingerprints are "
            f"{key.key_id} and {manifest.master_key}); put the key of the installation it was made of into "
            f"{environment.data_dir / KEY_FILE}, or set OPENVEST_MASTER_KEY to it."
        )
    return manifest


async def restore(
    urls: Urls, environment: Environment, folder: Path, manifest: Manifest, *, verify: bool, progress: Progress
) -> Restored:
    """Fill an empty database. `verify` compares every row, then proves the books and looks at the grants.

    Raises: BackupRefused, StartRefused, SchemaRefused, OSError.
    """
    async with as_owner(urls) as connection:
        await load_backup(connection, folder, manifest, urls.app_role, verify=verify, progress=progress)
    if not verify:
        return Restored(manifest)
    progress("proving the books…")
    proofs: list[tuple[str, Proof]] = []
    async with opened(urls, environment, progress=progress) as installation:
        database = installation.assembled.database
        for tenant in await tenants.all_tenants(database):
            proofs.append((tenant.name, await prove_tenant(database, tenant.tenant_id, INVARIANTS)))
    async with as_app(urls) as connection:
        return Restored(manifest, tuple(proofs), tuple(await differences(connection, urls.app_role)))
