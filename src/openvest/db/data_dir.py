"""Who runs the embedded PostgreSQL, and in which folders.

PostgreSQL refuses to run as root, so root runs it as a system user of ours. That user often cannot enter the folder
the data directory stands in. Then the cluster is made below a folder of ours and a pointer file says where; the
permissions of folders we did not make are never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from openvest.db.address import EmbeddedError
from openvest.db.files import write_private

SYSTEM_USER = "openvest-pg"
BASE_FOLDER = Path("/var/lib/openvest")
SOCKET_BASE = Path("/tmp")  # noqa: S108 - short on every platform; the folder below it is verified to be ours
POINTER = "postgres.location"
CLUSTER = "postgres"
ORIGIN = "origin"
# The kernel allows 107 bytes for a socket's path on Linux and 103 on macOS.
LONGEST_SOCKET_FOLDER = 103 - len("/.s.PGSQL.5432")


class Spawn(TypedDict, total=False):
    """The arguments of `subprocess` that decide who a program runs as and what it sees."""

    cwd: str
    env: dict[str, str]
    umask: int
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class RunsAs:
    """The user PostgreSQL runs as; `switch` when that is not the user of this process."""

    uid: int
    gid: int
    name: str
    switch: bool

    def spawn(self) -> Spawn:
        """What `subprocess` needs to start a program as this user, seeing nothing of our environment."""
        options = Spawn(cwd="/", env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}, umask=0o077)
        if self.switch:
            options["user"], options["group"], options["extra_groups"] = self.uid, self.gid, []
        return options

    def owner(self) -> tuple[int, int] | None:
        """Whom files are given to, or None when they are ours anyway."""
        return (self.uid, self.gid) if self.switch else None


def runs_as(cluster_owner: int | None = None) -> RunsAs:
    """The user for a new cluster, or for an existing one of `cluster_owner`.

    Why: a cluster made by an ordinary user stays that user's when root starts it.
    Raises: EmbeddedError.
    """
    uid = os.geteuid()
    if uid != 0:
        if cluster_owner not in (None, uid):
            raise EmbeddedError(_belongs_to(cluster_owner or 0))
        return RunsAs(uid, os.getegid(), user_name(uid), switch=False)
    if cluster_owner:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(cluster_owner)
            return RunsAs(entry.pw_uid, entry.pw_gid, entry.pw_name, switch=True)
        return RunsAs(cluster_owner, cluster_owner, str(cluster_owner), switch=True)
    entry = _system_user()
    return RunsAs(entry.pw_uid, entry.pw_gid, entry.pw_name, switch=True)


def user_name(uid: int) -> str:
    """The name of a user, or the number of one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _system_user() -> pwd.struct_passwd:
    """The system user, made if missing."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    path = "/usr/sbin:/sbin:/usr/bin:/bin"
    shell = next((p for p in ("/usr/sbin/nologin", "/sbin/nologin") if Path(p).exists()), "/bin/false")
    reason = "this system has no useradd"
    if tool := shutil.which("useradd", path=path):
        command = [tool, "-r", "-M", "-U", "-d", "/nonexistent", "-s", shell, SYSTEM_USER]
    elif tool := shutil.which("adduser", path=path):
        command = [tool, "-S", "-D", "-H", "-h", "/nonexistent", "-s", shell, SYSTEM_USER]
    else:
        command = []
    if command:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = done.stderr.strip().replace("\n", "; ") or f"exit status {done.returncode}"
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and the user {SYSTEM_USER} could not be made ({reason}). Make it by hand, "
        "run OpenVest as an ordinary user, or set DATABASE_URL and DATABASE_ADMIN_URL to a PostgreSQL of your own."
    )


def reaches(user: RunsAs, *tests: tuple[str, Path]) -> bool:
    """Whether the user passes every test, each a flag of test(1) and a path, asked as that user."""
    script = " && ".join(f'test {flag} "${number}"' for number, (flag, _) in enumerate(tests, start=1))
    try:
        done = subprocess.run(["/bin/sh", "-c", script, "sh", *(str(path) for _, path in tests)], **user.spawn())
    except PermissionError as error:
        raise EmbeddedError(
            f"This process is root but may not become the user {user.name}. Run OpenVest as an ordinary user, "
            "or set DATABASE_URL and DATABASE_ADMIN_URL to a PostgreSQL of your own."
        ) from error
    return done.returncode == 0


def open_data_dir(data_dir: Path) -> Path:
    """The data directory with its links resolved, made if missing. Raises: EmbeddedError."""
    try:
        resolved = data_dir.expanduser().resolve()
        if not resolved.exists():
            resolved.mkdir(parents=True, exist_ok=True)
            # As root the system user has to pass through; every file that matters in it is closed on its own.
            resolved.chmod(0o711 if os.geteuid() == 0 else 0o700)
        if not os.access(resolved, os.W_OK | os.X_OK):
            raise PermissionError(13, "not writable for this user")
    except OSError as error:
        raise EmbeddedError(
            f"{data_dir} cannot be used ({error.strerror}). Choose another folder with --data-dir."
        ) from error
    return resolved


def cluster_home(data_dir: Path) -> Path | None:
    """The folder of the data directory's cluster, or None before the first start.

    Raises: EmbeddedError when the pointer leads nowhere, because making a new database would hide a lost one, and
    when another user's cluster is there.
    """
    pointer, home = data_dir / POINTER, data_dir / CLUSTER
    try:
        if not pointer.exists():
            return home if (home / "data" / "PG_VERSION").exists() else None
        home = Path(pointer.read_text(encoding="utf-8").strip())
        if (home / "data" / "PG_VERSION").exists():
            return home
    except PermissionError as error:
        raise EmbeddedError(_belongs_to(home.stat().st_uid if home.exists() else 0)) from error
    raise EmbeddedError(
        f"The database of {data_dir} was kept in {home}, and it is not there any more. Bring that folder back, "
        f"or remove {pointer} to begin with an empty database."
    )


def _belongs_to(uid: int) -> str:
    return (
        f"The database here belongs to the user {user_name(uid)}. Run the command as that user (or as root, if root "
        "made it), or use another --data-dir."
    )


def new_home(data_dir: Path, user: RunsAs, base: Path) -> Path:
    """A folder for a new cluster, owned by the user that runs it. Raises: EmbeddedError."""
    near = data_dir / CLUSTER
    if not user.switch:
        near.mkdir(mode=0o700, exist_ok=True)
        return near
    if reaches(user, ("-x", data_dir)):
        with contextlib.suppress(OSError):
            near.mkdir(mode=0o700, exist_ok=True)
            os.chown(near, user.uid, user.gid)
            if reaches(user, ("-w", near)):
                return near
    clusters = our_folder(base, "clusters", user, 0o711)
    for left in clusters.iterdir():
        if origin_of(left) == data_dir and not (left / "data").exists():
            # An earlier first start was killed on the way.
            return left
    home = clusters / secrets.token_hex(8)
    home.mkdir(mode=0o700)
    write_private(home / ORIGIN, f"{data_dir}\n")
    os.chown(home, user.uid, user.gid)
    return home


def origin_of(home: Path) -> Path | None:
    """The data directory a cluster below our folder was made for."""
    try:
        return Path((home / ORIGIN).read_text(encoding="utf-8").strip())
    except OSError:
        return None


def claim(data_dir: Path, home: Path) -> None:
    """Make sure that a cluster kept elsewhere is this data directory's own, and follow a renamed one.

    Raises: EmbeddedError for the copy of a data directory: both would write to one database.
    """
    if home == data_dir / CLUSTER or (origin := origin_of(home)) == data_dir:
        return
    if origin is not None:
        with contextlib.suppress(OSError):
            if (origin / POINTER).read_text(encoding="utf-8").strip() == str(home):
                raise EmbeddedError(
                    f"{data_dir} is a copy of {origin}, and the database of both is {home}. Remove "
                    f"{data_dir / POINTER} to begin with an empty database there."
                )
    write_private(home / ORIGIN, f"{data_dir}\n")


def point_to(data_dir: Path, home: Path) -> None:
    """Remember where the cluster is, if not in the data directory itself."""
    if home != data_dir / CLUSTER:
        write_private(data_dir / POINTER, f"{home}\n")


def our_folder(base: Path, name: str, user: RunsAs, mode: int) -> Path:
    """A folder below our base folder that the user can pass through. Raises: EmbeddedError."""
    folder = base / name
    try:
        for path, bits in ((base, 0o755), (folder, mode)):
            if not path.exists():
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(bits)
        if reaches(user, ("-x", folder)):
            return folder
        reason = f"the user {user.name} cannot enter it"
    except OSError as error:
        reason = error.strerror or str(error)
    raise EmbeddedError(
        f"{folder} cannot be used ({reason}). Make {base} a folder that everybody may enter, or run OpenVest as an "
        "ordinary user."
    )


def socket_folder(data_dir: Path, user: RunsAs, base: Path = SOCKET_BASE) -> Path:
    """The folder of the socket: short, the same at every start, and verified to be closed to everybody else.

    Raises: EmbeddedError.
    """
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    # Somebody else may have taken the name; the next one serves as well.
    for attempt in ("", "-2", "-3", "-4"):
        folder = base / f"openvest-{user.uid}-{digest}{attempt}"
        if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER:
            break
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        facts = folder.lstat()
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and user.switch:
            os.chown(folder, user.uid, user.gid, follow_symlinks=False)
            facts = folder.lstat()
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == user.uid:
            if stat.S_IMODE(facts.st_mode) != 0o700:
                folder.chmod(0o700)
            return folder
    raise EmbeddedError(
        f"No folder for the database's socket could be made in {base}. Remove what is named openvest-* there."
    )
