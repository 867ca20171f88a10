"""The file a tenant travels in: a zip with one member of COPY text per table, and a manifest that is written last.

The manifest names rows and SHA-256 of every member and is authenticated with the file's key, so a changed or truncated
file is refused. Sealed values travel sealed under that key; all else stands in the file as it does in the database.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import zipfile
import zlib
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self, cast

from openvest.core.sealing import SealedColumn, Secrets
from openvest.db.files import sync_folder

FORMAT = 1
KIND = "openvest tenant"
MANIFEST = "manifest.json"
CHUNK = 1 << 18
LEVEL = 3
_PURPOSE = "manifest of an exported tenant"

Line = Callable[[bytes], bytes]
"""A row of COPY text as it is to be, without its line feed."""


class MoveRefused(Exception):
    """A tenant cannot be exported or imported. The text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Member:
    """One table's rows. `shared`: of a table without a tenant."""

    name: str
    shared: bool
    columns: tuple[str, ...]
    rows: int
    sha256: str

    @property
    def path(self) -> str:
        return f"{'shared' if self.shared else 'tenant'}/{self.name}.copy"


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in a file. `moved`: the tenant was closed where it came from, so this is it and no copy. `key` and
    `master_key` are fingerprints, of the file's key and of the installation's."""

    made_at: str
    openvest: str
    mode: str
    tenant_id: str
    name: str
    moved: bool
    key: str
    master_key: str
    migrations: tuple[tuple[int, str, str], ...]
    members: tuple[Member, ...]

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.members)


@dataclass(frozen=True, slots=True)
class Resealing:
    """Opens a sealed column with one key and seals it with another. `tenant_id`: what the tenant is called behind."""

    sealed: SealedColumn
    columns: Sequence[str]
    old: Secrets
    new: Secrets
    tenant_id: str

    def __call__(self, line: bytes) -> bytes:
        """Raises: SealBroken."""
        fields = line.split(b"\t")
        row = {name: value.decode() for name, value in zip(self.columns, fields, strict=True)}
        at = self.columns.index(self.sealed.column)
        if fields[at] == b"\\N":
            return line
        text = row[self.sealed.column]
        value = base64.b64decode(text) if self.sealed.is_text else bytes.fromhex(text.removeprefix("\\\\x"))
        value = self.new.seal(
            self.old.open(value, self.sealed.place(**row)),
            self.sealed.place(**{**row, "tenant_id": self.tenant_id}),
        )
        fields[at] = base64.b64encode(value) if self.sealed.is_text else b"\\\\x" + value.hex().encode()
        return b"\t".join(fields)


class _Lines:
    """Counts and sums up COPY text that comes in pieces, and changes its rows where there is a way to."""

    def __init__(self, change: Line | None) -> None:
        self.rows, self._change, self._rest = 0, change, b""

    def __call__(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.rows += len(lines)
        if self._change is not None:
            lines = [self._change(line) for line in lines]
        return b"".join(line + b"\n" for line in lines)


class _Writing:
    """A member that is being written."""

    def __init__(self, file: IO[bytes], change: Line | None) -> None:
        self._file, self.lines, self.sum = file, _Lines(change), hashlib.sha256()

    async def __call__(self, data: bytes) -> None:
        data = self.lines(data)
        self.sum.update(data)
        self._file.write(data)


class TenantWriter:
    """A file on its way. It has its name only once it is whole; readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        """Raises: MoveRefused where something has that name, OSError."""
        if path.exists():
            raise MoveRefused(f"{path} is there already; name another file.")
        self.path, self._members = path, list[Member]()
        self._partial = path.with_name(f".{path.name}.partial")
        self._partial.unlink(missing_ok=True)
        self._file = os.fdopen(os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._zip.close()
        self._file.close()
        self._partial.unlink(missing_ok=True)

    @contextmanager
    def member(self, name: str, shared: bool, columns: Sequence[str], change: Line | None) -> Generator[_Writing]:
        """Write one table; what comes is told as COPY text in pieces."""
        begun = Member(name, shared, tuple(columns), 0, "")
        with self._zip.open(begun.path, "w", force_zip64=True) as file:
            writing = _Writing(file, change)
            yield writing
        self._members.append(Member(name, shared, tuple(columns), writing.lines.rows, writing.sum.hexdigest()))

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._members)

    def finish(self, exported: Exported, key: Secrets) -> int:
        """Write the manifest, bring all to disk under its name. Returns the size in bytes."""
        body = {"kind": KIND, "format": FORMAT, **asdict(exported)}
        self._zip.writestr(MANIFEST, json.dumps({**body, "seal": _sealed(body, key)}, indent=1) + "\n")
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = os.fstat(self._file.fileno()).st_size
        os.replace(self._partial, self.path)
        sync_folder(self.path.parent)
        return size


class TenantReader:
    """A file that is read. Made by `open_tenant`."""

    def __init__(self, path: Path, file: zipfile.ZipFile, exported: Exported) -> None:
        self._path, self._zip, self.exported = path, file, exported

    async def pieces(self, member: Member, change: Line | None) -> AsyncGenerator[bytes]:
        """The member's COPY text. Raises: MoveRefused, at its end or before, where it is not as it was written."""
        lines, told = _Lines(change), hashlib.sha256()
        try:
            with self._zip.open(member.path) as file:
                while data := file.read(CHUNK):
                    told.update(data)
                    yield lines(data)
        except (KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise self._changed(member, str(error)) from None
        if (lines.rows, told.hexdigest()) != (member.rows, member.sha256):
            raise self._changed(member, "its checksum differs")

    def _changed(self, member: Member, why: str) -> MoveRefused:
        return MoveRefused(
            f"{self._path} is not as it was written: {member.path} ({why}); take the tenant's file anew."
        )


@contextmanager
def open_tenant(path: Path, key: Secrets) -> Generator[TenantReader]:
    """A file for reading, its manifest proven. Raises: MoveRefused, OSError."""
    try:
        with zipfile.ZipFile(path) as file:
            yield TenantReader(path, file, _read(path, file, key))
    except zipfile.BadZipFile as error:
        raise MoveRefused(
            f"{path} is no whole file of a tenant ({error}); it was truncated on its way, or is something else."
        ) from None


def _read(path: Path, file: zipfile.ZipFile, key: Secrets) -> Exported:
    try:
        body = cast("dict[str, Any]", json.loads(file.read(MANIFEST)))
        said, kind, number = body.pop("seal"), body.pop("kind"), body.pop("format")
        named, fingerprint = body["name"], body["key"]
    except (KeyError, ValueError, EOFError, AttributeError, TypeError, zlib.error) as error:
        raise MoveRefused(f"{path} is no file of `openvest tenants export` ({error}); name one that is.") from None
    if kind == KIND and isinstance(number, int) and number > FORMAT:
        raise MoveRefused(f"{path} has format {number}, and this program reads {FORMAT}; run a newer OpenVest.")
    if fingerprint != key.key_id:
        raise MoveRefused(
            f"The key is not the one that the file of {named} is sealed with (their fingerprints are {key.key_id} and "
            f"{fingerprint}); give the key that the export was given or made."
        )
    if not hmac.compare_digest(str(said), _sealed({"kind": kind, "format": number, **body}, key)) or kind != KIND:
        raise MoveRefused(f"{path} is not as it was written: its manifest was changed; take the tenant's file anew.")
    members = tuple(_member(one) for one in body["members"])
    migrations = tuple((number, name, told) for number, name, told in body["migrations"])
    return Exported(**cast("dict[str, Any]", {**body, "members": members, "migrations": migrations}))


def _member(said: dict[str, Any]) -> Member:
    return Member(**cast("dict[str, Any]", {**said, "columns": tuple(said["columns"])}))


def _sealed(body: dict[str, Any], key: Secrets) -> str:
    """Who has the key vouches for all that the manifest says."""
    return key.keyed_hash(json.dumps(body, sort_keys=True, separators=(",", ":")), _PURPOSE).hex()
