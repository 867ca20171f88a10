"""A planted bug as data: which text of which file becomes which other text, in a scratch copy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


class DoesNotFit(Exception):
    """The text to be replaced does not stand in the file exactly once: the program has moved on."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement. `old` stands in the file exactly once; an empty `old` makes a new file of `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug against a gate. `what` says in half a sentence what is wrong; `sizes` make the gate's run smaller."""

    gate: str
    name: str
    what: str
    edits: tuple[Edit, ...]
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def digest(self) -> str:
        text = json.dumps([self.gate, self.what, [asdict(edit) for edit in self.edits]])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def plant(planted: Planted, root: Path) -> None:
    """Apply a bug to a scratch copy. Raises: DoesNotFit."""
    try:
        apply(planted.edits, root)
    except DoesNotFit as error:
        raise DoesNotFit(f"{planted.name}: {error}") from None


def apply(edits: Iterable[Edit], root: Path) -> None:
    """Make these edits, one after the other. Raises: DoesNotFit."""
    for edit in edits:
        file = root / edit.file
        if not edit.old:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(edit.new, encoding="utf-8")
            continue
        text = file.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise DoesNotFit(f"{edit.file} has {text.count(edit.old)} places for {edit.old[:80]!r}")
        file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
