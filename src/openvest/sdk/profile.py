"""A profile: where a server is and the credentials of one of its clients, as `openvest serve` writes it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path


class ProfileError(Exception):
    """There is no usable profile; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One client of one server. Shape: `scopes` is what a token is asked for, separated by blanks."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    key_id: str
    private_key: bytes = field(repr=False)
    scopes: str
    tenant_id: str = ""


def read_profile(file: Path) -> Profile:
    """Read a profile and the key it names, whose path is relative to the profile. Raises: ProfileError."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        key_file = file.parent / document["private_key_file"]
        return Profile(
            url=str(document["url"]),
            client_id=str(document["client_id"]),
            client_secret=str(document["client_secret"]),
            key_id=str(document["key_id"]),
            private_key=key_file.read_bytes(),
            scopes=str(document["scopes"]),
            tenant_id=str(document.get("tenant_id", "")),
        )
    except FileNotFoundError as error:
        raise ProfileError(f"There is no file {error.filename}.") from None
    except PermissionError as error:
        raise ProfileError(f"{error.filename} belongs to another user.") from None
    except KeyError as error:
        raise ProfileError(f"{file} does not say {error.args[0]}.") from None
    except (ValueError, TypeError) as error:
        raise ProfileError(f"{file} is no profile ({error}).") from None
