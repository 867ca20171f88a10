"""Public ids: random with a time-ordered prefix where time is real, caused where a sandbox must repeat itself.

Both carry a version nibble the contract's patterns accept (4 for random ids, 5 for caused ones).

Why: DOMAIN.md section 2. Same seed, same requests in order gives the same log, ids included, with any number of
processes; so a frozen tenant's id is a hash of what caused the object, never a counter.
"""

from __future__ import annotations

import hashlib
import re
import secrets
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
    return UUID(text)


def _shape(raw: bytes, version: int) -> UUID:
    number = int.from_bytes(raw[:16], "big")
    number &= ~(0xF000 << 64) & ~(0xC000 << 48)
    number |= (version << 76) | (0x8000 << 48)
    return UUID(int=number)


def random_text() -> str:
    """A random UUID as text, for what is only ever read. Why not uuid4: its object costs more than its digits."""
    digits = secrets.token_bytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def random_id(at: datetime) -> UUID:
    """48 bits of milliseconds, then 74 random bits, version nibble 4: new rows land at the end of every index."""
    return _shape(((at - _EPOCH) // _MILLISECOND).to_bytes(6, "big") + secrets.token_bytes(10), 4)


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
