"""What a gate is, what it is given and what it says."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Size = Literal["test", "push", "night"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a gate. `sizes` are the gate's own numbers for the size that was asked for."""

    sizes: Mapping[str, int]
    seed: int
    size: Size = "push"

    def __getitem__(self, name: str) -> int:
        return self.sizes[name]

    def chance(self, what: str) -> random.Random:
        """Random numbers for one purpose, the same for the same seed."""
        return random.Random(f"{self.seed} {what}")


@dataclass(slots=True)
class Verdict:
    """What a gate found. `figure` is its one line for the report; a gate with findings has not passed."""

    figure: str
    findings: list[str] = field(default_factory=list[str])

    @property
    def passed(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate. `name` is its number and its words, or one word alone. `push` and `night` are its sizes by name; a
    `quick` one also runs in `make test`, with what of its sizes stands in `test`.

    An AssertionError of `run` is a finding; anything else it raises is a fault of the gate and fails it too, but proves
    nothing of a planted bug. Units: minutes after which a run at push size is given up, ten times that at night.
    """

    name: str
    title: str
    run: Callable[[Run], Awaitable[Verdict]]
    push: Mapping[str, int] = field(default_factory=dict[str, int])
    night: Mapping[str, int] = field(default_factory=dict[str, int])
    test: Mapping[str, int] = field(default_factory=dict[str, int])
    quick: bool = False
    minutes: float = 6

    @property
    def key(self) -> str:
        """What programs call it: the number without the words."""
        return self.name.partition(" ")[0]

    def sizes(self, size: Size) -> Mapping[str, int]:
        return {**self.push, **(self.night if size == "night" else self.test if size == "test" else {})}


def listed(findings: Sequence[str], most: int = 20) -> list[str]:
    """The first findings, and how many more there are."""
    shown = list(findings[:most])
    return [*shown, f"… {len(findings) - most} more"] if len(findings) > most else shown
