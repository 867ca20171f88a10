"""Figures: a target's row, measured in rounds, printed as one line."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Target:
    """A row of the performance targets. `limit` None: printed without a verdict."""

    name: str
    unit: str
    better: Literal["more", "less"]
    limit: float | None


TARGETS = {
    target.name: target
    for target in (
        Target("T1", "x floor", "more", 1.0),
        Target("T1p", "x floor", "more", None),
        Target("T1L", "x floor", "more", None),
        Target("T1d", "x floor", "more", 3.0),
        Target("T2", "x floor", "more", 1.3),
        Target("T3", "x bare", "more", 0.08),
        Target("T7", "x floor", "more", 0.5),
        Target("T7n", "x T7", "more", 0.6),
        Target("T8", "x distinct", "more", 0.6),
        Target("T11a", "MB", "less", 200),
        Target("T11b", "MB", "less", 400),
        Target("T12", "s", "less", 3),
    )
}


def line(name: str, rounds: Sequence[float]) -> str:
    """`T1  figure unit  min–max  target  ok|short`: the median of the rounds, its range, the target and the verdict."""
    target = TARGETS[name]
    figure = statistics.median(rounds)
    digits = 0 if target.unit == "MB" else 2
    spread = f"{min(rounds):.{digits}f}–{max(rounds):.{digits}f}"
    if target.limit is None:
        return f"{name:5} {figure:8.{digits}f} {target.unit:11} {spread:13} no verdict"
    sign = "≥" if target.better == "more" else "<"
    good = figure >= target.limit if target.better == "more" else figure < target.limit
    verdict = "ok" if good else "short"
    return f"{name:5} {figure:8.{digits}f} {target.unit:11} {spread:13} {sign} {target.limit:g}  {verdict}"
