"""Lifecycle tables: which states an object has and which verb leads from which to which.

A table is data. Rules call `move`; a test holds the states against the CHECK constraint of the object's table; the
documentation draws the diagram from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openvest.core.problems import Conflict


class WrongState(Conflict):
    """The verb does not exist in the state the object is in."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The life of one kind of object. `table` is the `table.column` whose CHECK lists the same states."""

    noun: str
    table: str
    born: tuple[str, ...]
    ends: frozenset[str]
    moves: Mapping[tuple[str, str], str]

    @property
    def states(self) -> frozenset[str]:
        return frozenset(self.born) | self.ends | {s for s, _ in self.moves} | set(self.moves.values())

    def move(self, state: str, verb: str) -> str:
        """The state that follows. Raises: WrongState."""
        found = self.moves.get((state, verb))
        if found is None:
            article = "An" if self.noun[0] in "aeio" else "A"  # a user, an order
            raise WrongState(f"{article} {self.noun} that is {state} cannot {verb}.")
        return found

    def can(self, state: str, verb: str) -> bool:
        return (state, verb) in self.moves
