"""Profiles of further clients: files that `openvest api --profile` and the SDK sign with, as `serve` writes its first.

Why in a folder of their own: `profile.toml` belongs to `serve`, which keeps its first client and customer there.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from openvest.db.checks import StartRefused
from openvest.db.files import write_private
from openvest.main.exposure import url_of
from openvest.main.first_start import PROFILE

FOLDER = "profiles"
URL_FILE = "server.url"


def profile_file(data_dir: Path, client_id: str, asked: Path | None) -> Path:
    """Where the profile of a client goes: where it was asked for, else into the data directory."""
    return asked if asked is not None else data_dir / FOLDER / f"{client_id}.toml"


def refuse_existing(asked: Path | None) -> None:
    """Raises: StartRefused before a client is made whose profile would take the place of another file."""
    if asked is not None and asked.exists():
        raise StartRefused(f"{asked} is there already; give --profile the name of a new file.")


def note_url(data_dir: Path, url: str) -> None:
    """Leave word of where the server of this data directory listens: production has no profile that says so."""
    with suppress(OSError):
        write_private(data_dir / URL_FILE, url + "\n")


def known_url(data_dir: Path) -> str:
    """Where the server of this data directory was last told to be, else where `serve` would be."""
    with suppress(OSError, UnicodeDecodeError):
        noted = (data_dir / URL_FILE).read_text(encoding="ascii").strip()
        if noted:
            return noted
    try:
        return str(tomllib.loads((data_dir / PROFILE).read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return url_of("127.0.0.1", 8000, tls=False)


def write_profile(file: Path, values: Mapping[str, str], key: Path | None) -> None:
    """Write a profile, readable by its owner only. Raises: OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    said, head = dict(values), "# Whoever has this file can act as the client: keep it to yourself."
    if key is not None:
        beside = os.path.relpath(key, file.parent.resolve())
        said["private_key_file"] = str(key) if beside.startswith("../../") else beside
        head = "# Whoever has this file and its key can act as the client: keep both to yourself."
    write_private(file, "\n".join([head, "", *(f'{name} = "{value}"' for name, value in said.items()), ""]))
