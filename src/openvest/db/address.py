"""Where the embedded database is and how its roles reach it, and the refusals of everything that starts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

DATABASE = "openvest"
OWNER_ROLE = "openvest_owner"
APP_ROLE = "openvest_app"
SUPERUSER = "postgres"
PORT = 5432

Progress = Callable[[str], None]


def silent(sentence: str) -> None:
    """The progress of a caller that wants none."""


class EmbeddedError(Exception):
    """The embedded database cannot do what was asked; the text is one or two sentences with the next step."""


class AlreadyServing(EmbeddedError):
    """Another process serves this data directory."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of one cluster, kept in a file only its owner can read."""

    superuser: str
    owner: str
    app: str


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A running database. `host` is the folder of its socket, `supervisor_pid` the process that keeps it alive."""

    host: Path
    port: int
    database: str
    app_user: str
    app_password: str
    owner_user: str
    owner_password: str
    password_file: Path
    pid: int
    supervisor_pid: int
    server_version: str

    def app_dsn(self, database: str | None = None) -> str:
        """The URL of the role that serves."""
        return self._dsn(self.app_user, self.app_password, database)

    def owner_dsn(self, database: str | None = None) -> str:
        """The URL of the role that migrates."""
        return self._dsn(self.owner_user, self.owner_password, database)

    def superuser_dsn(self, database: str = SUPERUSER) -> str:
        """The URL of the bootstrap superuser, its password read from the password file for this call only."""
        return self._dsn(SUPERUSER, read_passwords(self.password_file).superuser, database)

    def published(self) -> str:
        """The content of `postgres.json`: everything but the passwords."""
        document = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        return json.dumps({name: value for name, value in document.items() if "_password" not in name}, indent=1) + "\n"

    def _dsn(self, user: str, password: str, database: str | None) -> str:
        place = urlencode({"host": str(self.host), "port": self.port})
        return f"postgresql://{quote(user)}:{quote(password, safe='')}@/{quote(database or self.database)}?{place}"


def read_passwords(file: Path) -> Passwords:
    """The passwords of the cluster.

    Raises: EmbeddedError when the file cannot be read or is not ours; FileNotFoundError when there is none.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return Passwords(document["superuser"], document["owner"], document["app"])
    except PermissionError as error:
        raise EmbeddedError(
            f"{file} belongs to another user. Run the command as the user who started OpenVest there, "
            "or use another --data-dir."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(
            f"{file} is damaged. Remove it and start again: the supervisor gives the database new passwords."
        ) from error


def read_address(file: Path) -> DatabaseAddress:
    """The address a supervisor published.

    Raises: FileNotFoundError when none did; ValueError while it is no address; EmbeddedError for what is not ours.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        password_file = Path(document["password_file"])
        passwords = read_passwords(password_file)
        return DatabaseAddress(
            host=Path(document["host"]),
            port=int(document["port"]),
            database=str(document["database"]),
            app_user=str(document["app_user"]),
            app_password=passwords.app,
            owner_user=str(document["owner_user"]),
            owner_password=passwords.owner,
            password_file=password_file,
            pid=int(document["pid"]),
            supervisor_pid=int(document["supervisor_pid"]),
            server_version=str(document["server_version"]),
        )
    except PermissionError as error:
        raise EmbeddedError(
            f"{file} belongs to another user. Run the command as the user who started OpenVest."
        ) from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} is no address") from error
