"""A profile: where a server is and the credentials of its clients, as `openvest serve` writes it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

SIGNED = "v1"
"""The contract whose requests are signed; that of a client whose profile names none."""


class ProfileError(Exception):
    """There is no usable profile; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is known."""

    id: str
    private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """One client of one server. Shape: `scopes` is what a token is asked for, separated by blanks. Without a key,
    requests bear the token and are not signed."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    key: SigningKey | None = None
    contract: str = SIGNED
    tenant_id: str = ""


def read_profile(file: Path, contract: str | None = None) -> Profile:
    """The file's first client, or the one that speaks this contract. Paths of keys are relative to the file.

    Raises: ProfileError.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        said = _client(document, contract)
        return Profile(
            url=str(document["url"]),
            client_id=str(said["client_id"]),
            client_secret=str(said["client_secret"]),
            scopes=str(said["scopes"]),
            key=_key(file, said),
            contract=str(said.get("contract", SIGNED)),
            tenant_id=str(document.get("tenant_id", "")),
        )
    except FileNotFoundError as error:
        raise ProfileError(f"There is no file {error.filename}.") from None
    except PermissionError as error:
        raise ProfileError(f"{error.filename} belongs to another user.") from None
    except KeyError as error:
        raise ProfileError(f"{file} does not say {error.args[0]}.") from None
    except NoSuchClient:
        raise ProfileError(f"{file} has no client of the contract {contract}.") from None
    except (ValueError, TypeError) as error:
        raise ProfileError(f"{file} is no profile ({error}).") from None


class NoSuchClient(Exception):
    """No client of the profile speaks the contract that was asked for."""


def _client(document: Mapping[str, Any], contract: str | None) -> Mapping[str, Any]:
    """What the file says of one client: the first stands at the top, others in a table named after their contract.

    Raises: NoSuchClient.
    """
    if contract in (None, document.get("contract", SIGNED)):
        return document
    table = document.get(contract)
    if not isinstance(table, dict):
        raise NoSuchClient
    return {"contract": contract, **cast("Mapping[str, Any]", table)}


def _key(file: Path, said: Mapping[str, Any]) -> SigningKey | None:
    """The client's key. Only clients of the signed contract must have one."""
    if said.get("contract", SIGNED) != SIGNED and "private_key_file" not in said:
        return None
    private = (file.parent / said["private_key_file"]).read_bytes()
    return SigningKey(str(said["key_id"]), private)
