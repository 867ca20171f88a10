"""Public ids: random with a time-ordered prefix where time is real, caused where a sandbox must repeat itself.

Both carry a version nibble the contract's patterns accept (4 for random ids, 5 for caused ones).

Why: DOMAIN.md section 2. Same seed, same requests in order gives the same log, ids included, with any number of
processes; so a frozen tenant's id is a hash of what caused the object, never a counter.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# The library reads braces, prefixes and digits of any script too.
_WRITTEN = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")


def parse_id(text: str) -> UUID:
    """A UUID of any version from its 32 digits, with all of its hyphens or none. Raises: ValueError."""
    if _WRITTEN.fullmatch(text) is None:
        raise ValueError("a UUID is written as 32 hexadecimal digits, with all of its hyphens or none")
    return KIND.make(text)


def _shape(raw: bytes, version: int) -> UUID:
    number = int.from_bytes(raw[:16], "big")
    number &= ~(0xF000 << 64) & ~(0xC000 << 48)
    number |= (version << 76) | (0x8000 << 48)
    return UUID(int=number)


def random_text() -> str:
    """A random UUID as text, for what is only ever read. Why not uuid4: its object costs more than its digits."""
    digits = _random.take(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _of_library(written: str | bytes) -> UUID:
    return UUID(written) if isinstance(written, str) else UUID(bytes=written)


@dataclass(slots=True)
class _Kind:
    """Which class of UUID ids are. Shape: `make` takes the text or the 16 bytes of an id."""

    make: Callable[[str | bytes], UUID] = _of_library


KIND = _Kind()
"""The driver of the database has a subclass of its own, which costs a tenth of the library's; who loads it says so."""


@dataclass(slots=True)
class _Random:
    """Random bytes of this process, asked of the system in blocks: a question costs more than all else of an id."""

    block: bytes = b""
    taken: int = 0

    def take(self, count: int) -> bytes:
        start, self.taken = self.taken, self.taken + count
        if self.taken > len(self.block):
            self.block, start, self.taken = os.urandom(_BLOCK), 0, count
        return self.block[start : self.taken]

    def forget(self) -> None:
        self.block = b""


_BLOCK = 4096
_random = _Random()
os.register_at_fork(after_in_child=_random.forget)  # else parent and child would give the same ids


def random_id(at: datetime) -> UUID:
    """48 bits of milliseconds, then 74 random bits, version nibble 4: new rows land at the end of every index."""
    number = int.from_bytes(_random.take(10), "big") & 0x0FFF_3FFF_FFFF_FFFF_FFFF | 0x4000_8000_0000_0000_0000
    number |= ((at - _EPOCH) // _MILLISECOND) << 80
    return KIND.make(number.to_bytes(16, "big"))


def first_id(at: datetime) -> UUID:
    """Below every random id of this instant or later, and above those of every earlier millisecond."""
    return UUID(int=((at - _EPOCH) // _MILLISECOND) << 80)


def deterministic_id(*parts: str | int | UUID) -> UUID:
    """The id that these parts always give: SHA-256 over them, unambiguously joined, version nibble 5."""
    text = "\x1f".join(f"{len(str(part))}:{part}" for part in parts)
    return _shape(hashlib.sha256(text.encode()).digest(), 5)


@dataclass(slots=True)
class IdSource:
    """Where one unit of work takes its new ids from.

    `root` is None for live tenants (random ids); else (seed, tenant name, cause), and every (cause, kind) is numbered.
    """

    now: datetime
    root: tuple[str, str] | None
    cause: str
    _ordinals: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def under(self, cause: str) -> IdSource:
        """The same source for one item of a flush, whose cause is its own."""
        return IdSource(self.now, self.root, cause)

    def new(self, kind: str, cause: str | UUID | None = None) -> UUID:
        """A new id for an object of this kind; `cause` names the claimed row where a sweep works on many."""
        if self.root is None:
            return random_id(self.now)
        reason = self.cause if cause is None else f"{self.cause}|{cause}"
        ordinal = self._ordinals.get((reason, kind), 0)
        self._ordinals[(reason, kind)] = ordinal + 1
        return deterministic_id(*self.root, reason, kind, ordinal)
