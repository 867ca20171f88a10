"""Makes a cluster, its roles and its database before any server listens, and writes its settings."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import asdict
from json import dumps
from pathlib import Path

from openvest.db.address import (
    APP_ROLE,
    DATABASE,
    OWNER_ROLE,
    PORT,
    SUPERUSER,
    EmbeddedError,
    Passwords,
    Progress,
    read_passwords,
)
from openvest.db.binaries import Binaries
from openvest.db.data_dir import RunsAs
from openvest.db.files import sync_folder, write_private
from openvest.db.memory import memory_settings

PASSWORD_FILE = "postgres.passwords"  # noqa: S105 - the name of the file
SMALL_SHARED_MEMORY = 64 * 2**20
LOG_FILES_KEPT = 5
MAX_CONNECTIONS = 60
"""What the embedded server takes, unless whoever starts it needs more."""

HBA = """# Written by OpenVest at every start. Only the socket in a closed folder, only with a password.
local all all scram-sha-256
"""


def settings(
    binaries: Binaries, sockets: Path, log_folder: Path, memory_mb: int, max_connections: int = MAX_CONNECTIONS
) -> dict[str, str]:
    """What the server runs with; everything not named keeps PostgreSQL's own value."""
    return {
        # Where it listens.
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        # What makes a commit true. The start-up check refuses to serve without.
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_compression": "on",
        # A laptop: few connections, no surprises from huge pages in containers.
        "max_connections": str(max_connections),
        "huge_pages": "off",
        "jit": "off",
        "autovacuum_max_workers": "2",
        "max_wal_size": "1GB",
        "dynamic_shared_memory_type": dynamic_shared_memory(),
        # The same answers on every machine.
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "ISO, YMD",
        "lc_messages": "C",
        # The log names slow statements and failures, never the values in them.
        "logging_collector": "on",
        "log_directory": str(log_folder),
        "log_filename": "postgresql-%Y%m%d-%H%M%S.log",
        "log_file_mode": "0600",
        "log_rotation_size": "10MB",
        "log_rotation_age": "0",
        "log_line_prefix": "%m [%p] %u@%d ",
        "log_error_verbosity": "terse",
        "log_min_duration_statement": "1s",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_checkpoints": "off",
        # As much as the machine has room for.
        **memory_settings(memory_mb, binaries.major),
    }


def dynamic_shared_memory() -> str:
    """POSIX shared memory, or files where a container leaves too little of it."""
    if sys.platform != "linux":
        return "posix"
    try:
        facts = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return "mmap"
    return "posix" if facts.f_frsize * facts.f_blocks >= SMALL_SHARED_MEMORY else "mmap"


def write_settings(data: Path, user: RunsAs, values: dict[str, str]) -> None:
    """Write both configuration files. What ALTER SYSTEM set is kept, as PostgreSQL reads it after ours."""
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in values.items()]
    head = "# Written by OpenVest at every start; settings of your own go in with ALTER SYSTEM."
    write_private(data / "postgresql.conf", "\n".join([head, *lines, ""]), owner=user.owner())
    write_private(data / "pg_hba.conf", HBA, owner=user.owner())


def make_cluster(binaries: Binaries, home: Path, user: RunsAs, passwords: Passwords, progress: Progress) -> None:
    """Make `home/data` with checksums, roles and the empty database; it appears whole or not at all.

    Raises: EmbeddedError.
    """
    progress(f"making the database cluster with PostgreSQL {binaries.version} (first start only)…")
    # A name of its own, because the initdb of a start that was killed may still be writing to the last one.
    unfinished, data = home / f"new-{secrets.token_hex(4)}", home / "data"
    for left in home.glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
    command = [
        # No server listens before the roles have their passwords and the rules below ask for them.
        *(binaries.program("initdb"), "-D", str(unfinished), "-U", SUPERUSER, "--auth=trust"),
        *("--encoding=UTF8", "--locale=C", "--data-checksums", "--no-sync", "--no-instructions"),
    ]
    if binaries.major >= 17:
        # Letters outside ASCII have upper and lower case; the order is still that of the code points.
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run(command, user, "initdb")
    # In the template, so that every database made from it is closed in the same way.
    statements = [*closed_functions(), *_role_statements(passwords), *_database_statements()]
    _single_user(binaries, unfinished, user, statements, synced=False, database="template1")
    write_private(unfinished / "pg_hba.conf", HBA, owner=user.owner())
    _run([binaries.program("initdb"), "-D", str(unfinished), "--sync-only"], user, "initdb")
    unfinished.rename(data)
    sync_folder(home)


def ensure_passwords(
    binaries: Binaries, data_dir: Path, data: Path | None, user: RunsAs, progress: Progress
) -> Passwords:
    """The passwords of this data directory. Lost ones are replaced, in the file and in the cluster.

    Writes: the password file first, so that a crash between the two is mended by the next start.
    """
    file = data_dir / PASSWORD_FILE
    mending = data_dir / f"{PASSWORD_FILE}.new"
    if knows_passwords(data_dir):
        return read_passwords(file)
    passwords = read_passwords(mending) if mending.exists() else new_passwords()
    write_private(mending, dumps(asdict(passwords)) + "\n")
    if data is not None:
        progress("the password file is gone: giving the database new passwords…")
        _single_user(binaries, data, user, _role_statements(passwords), synced=True)
    os.replace(mending, file)
    sync_folder(data_dir)
    return passwords


def knows_passwords(data_dir: Path) -> bool:
    """Whether the passwords are there, and not about to be replaced by a start that crashed."""
    return (data_dir / PASSWORD_FILE).exists() and not (data_dir / f"{PASSWORD_FILE}.new").exists()


def new_passwords() -> Passwords:
    return Passwords(*(secrets.token_urlsafe(32) for _ in range(3)))


def _role_statements(passwords: Passwords) -> list[str]:
    """One statement per line, as the single-user mode reads them; the same result however often they run."""
    plain = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
    statements = [f"ALTER ROLE {SUPERUSER} PASSWORD '{passwords.superuser}';"]
    for role, password in ((OWNER_ROLE, passwords.owner), (APP_ROLE, passwords.app)):
        statements += [
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
            f"THEN CREATE ROLE {role}; END IF; END $$;",
            f"ALTER ROLE {role} {plain} PASSWORD '{password}';",
        ]
    return statements


def _database_statements() -> list[str]:
    return [
        f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE};",
        *grants(DATABASE),
        "REVOKE ALL ON DATABASE postgres FROM PUBLIC;",
        "REVOKE ALL ON DATABASE template1 FROM PUBLIC;",
    ]


def grants(database: str) -> list[str]:
    """Who may connect to a database of ours. The application role makes no temporary objects: they shadow others."""
    return [f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;", f"GRANT CONNECT ON DATABASE {database} TO {APP_ROLE};"]


def closed_functions() -> list[str]:
    """Large objects, which PostgreSQL lets everybody make: they have no tenant and no policy, and they outlast all."""
    return ["REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;"]


def _single_user(
    binaries: Binaries, data: Path, user: RunsAs, statements: list[str], *, synced: bool, database: str = "postgres"
) -> None:
    """Run statements with no server listening. `synced=False` is for a cluster that is synced as a whole afterwards."""
    command = [binaries.program("postgres"), "--single", "-D", str(data)]
    options = {"fsync": "on" if synced else "off", "log_min_error_statement": "panic", "log_checkpoints": "off"}
    options |= {"logging_collector": "off", "password_encryption": "scram-sha-256", "log_min_messages": "warning"}
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    output = _run([*command, database], user, "postgres", "\n".join(statements) + "\n")
    # A statement that fails does not change the exit status of this mode.
    failures = [line for line in output.splitlines() if "ERROR:" in line]
    if failures:
        raise EmbeddedError(f"The roles of the database could not be made: {failures[0]}. Try again.")


def _run(command: list[str], user: RunsAs, what: str, stdin: str | None = None) -> str:
    """Run one of PostgreSQL's programs to its end; what it wrote to its error stream. Raises: EmbeddedError."""
    done = subprocess.run(
        command,
        input=stdin or "",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **user.spawn(),
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()] or lines[-1:]
        said = "; ".join(telling) or f"exit status {done.returncode}"
        raise EmbeddedError(f"{what} failed: {said}. Mend that, or use another --data-dir.")
    return done.stderr


def make_log_folder(folder: Path, user: RunsAs) -> None:
    """Make the folder of the server's log for the user that writes it."""
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if user.switch:
            os.chown(folder, user.uid, user.gid)


def prune_logs(log_folder: Path) -> None:
    """Keep the newest log files; PostgreSQL starts a new one at each start and every 10 MB."""
    for file in sorted(log_folder.glob("postgresql-*.log"))[:-LOG_FILES_KEPT]:
        file.unlink(missing_ok=True)
