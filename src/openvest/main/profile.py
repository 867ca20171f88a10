"""The profile of a sandbox: where it is and whose credentials are in it. One that is of no use is set aside.

Its first client signs and stands at the top; the one that only bears its token stands in a table named after its
contract.

Whoever has the file and its key acts as the client, so what is found is held against the database before it is kept.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from openvest.core.contracts import Contract
from openvest.core.signing_keys import load_private_key
from openvest.db.files import write_private
from openvest.db.unit import Database
from openvest.features.tenants import service as tenants

PROFILE = "profile.toml"
_HEAD = (
    "# How to reach this sandbox. Whoever has this file and its key can act as the tenant: keep both to yourself.",
    "# `openvest api` and `openvest clock` sign with it; `openvest api --contract lite` acts as the client of [lite].",
    "",
)
_IDS = ("tenant_id", "client_id", "key_id")
_TEXTS = ("url", "client_secret", "private_key_file", "scopes")
_OF_BEARER = ("client_id", "client_secret", "scopes")
SIGNED: Contract = "v1"
BEARER: Contract = "lite"


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who is ready to order."""

    user_id: str
    account_group_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile whose credentials were accepted. Shape: `values` is what the file says at its top, `bearer` what it
    says of the client that does not sign."""

    values: dict[str, str]
    bearer: dict[str, str] | None
    customer: Customer | None

    @property
    def tenant_id(self) -> UUID:
        return UUID(self.values["tenant_id"])

    def at(self, url: str) -> Profile:
        """The same for a server at another address."""
        return replace(self, values={**self.values, "url": url})


class Unusable(Exception):
    """Why a profile is not kept, as the end of a sentence."""


async def find_profile(file: Path, database: Database) -> Profile | None:
    """The profile of this database in the file, None where there is no file. Raises: Unusable."""
    try:
        document = tomllib.loads(_private(file).decode())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unusable(f"it cannot be read ({error})") from None
    for name in (*_IDS, *_TEXTS):
        if not isinstance(document.get(name), str):
            raise Unusable(f"it does not say {name}")
    values = {name: value for name, value in document.items() if isinstance(value, str)}
    try:
        tenant_id, client_id, key_id = (UUID(values[name]) for name in _IDS)
        private = load_private_key(_private(file.parent / values["private_key_file"]))
    except (OSError, ValueError) as error:
        raise Unusable(f"its ids or its key are of no use ({error})") from None
    asked = (tenant_id, client_id, SIGNED, values["client_secret"], values["scopes"].split())
    known = await tenants.are_credentials(database, *asked)
    if not (known and await tenants.is_key_of(database, client_id, key_id, private)):
        raise Unusable("this database does not know its client, secret and key together")
    bearer = await _bearer(document.get(BEARER), database, tenant_id)
    return Profile(values, bearer, _customer(document.get("customer")))


async def _bearer(table: Any, database: Database, tenant_id: UUID) -> dict[str, str] | None:
    """None for what this database does not know as a client of the tenant: it is made anew, and the first one stays."""
    try:
        said = {name: str(table[name]) for name in _OF_BEARER}
        asked = (UUID(said["client_id"]), BEARER, said["client_secret"], said["scopes"].split())
    except (KeyError, ValueError, TypeError):
        return None
    return said if await tenants.are_credentials(database, tenant_id, *asked) else None


def write_profile(file: Path, profile: Profile) -> None:
    """Writes: the file, readable by its owner only."""
    lines = [*_HEAD, *_lines(profile.values)]
    if profile.bearer is not None:
        lines += ["", f"[{BEARER}]", *_lines(profile.bearer)]
    if profile.customer is not None:
        said = {name: getattr(profile.customer, name) for name in Customer.__slots__}
        lines += ["", "[customer]", *_lines(said)]
    write_private(file, "\n".join([*lines, ""]))


def _lines(said: Mapping[str, str]) -> list[str]:
    return [f'{name} = "{value}"' for name, value in said.items()]


def set_aside(file: Path) -> Path:
    """Give what is in the way another name, so that nothing of it is lost. Returns the new path."""
    number, aside = 1, file.with_name(f"{file.name}.unusable")
    while os.path.lexists(aside):
        number += 1
        aside = file.with_name(f"{file.name}.unusable-{number}")
    os.rename(file, aside)
    return aside


def _private(file: Path) -> bytes:
    """What is in a file of ours. Permissions that are too wide, or that shut out its owner, are mended where we may."""
    if file.is_file() and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o477 != 0o400:
        with contextlib.suppress(PermissionError):
            file.chmod(mode & 0o700 | 0o600)
    return file.read_bytes()


def _customer(table: Any) -> Customer | None:
    """None for what no longer names one, which is no reason to give up the credentials."""
    if not isinstance(table, dict):
        return None
    said = cast("dict[str, Any]", table)
    try:
        return Customer(*(str(UUID(said[name])) for name in Customer.__slots__))
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
