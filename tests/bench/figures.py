"""Figures: a target's row, measured in rounds, printed as one line."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.bench.cpu import Cpu


@dataclass(frozen=True)
class Target:
    """A row of the performance targets. `limit` None: printed without a verdict.

    Units: `cpu` is the most microseconds of server and PostgreSQL per operation.
    """

    name: str
    unit: str
    better: Literal["more", "less"]
    limit: float | None
    cpu: float | None = None
    rounds: int | None = None
    """The most that are worth their time."""


TARGETS = {
    target.name: target
    for target in (
        Target("T1", "x floor", "more", 0.9, 290),
        Target("T1p", "x floor", "more", 0.45),
        Target("T1L", "x floor", "more", None),
        Target("T1d", "x floor", "more", 2.5, 110),
        Target("T2", "x floor", "more", 1.1, 250),
        Target("T3", "x bare", "more", 0.06, 170),
        Target("T7", "x floor", "more", 0.35, 1_000),
        Target("T7n", "x T7", "more", 0.6),
        Target("T8", "x distinct", "more", 0.6),
        *(
            Target(f"T10{kind}{page}", unit, "less", limit)
            for kind in "uao"
            for page, unit, limit in (("", "x T3", 3), ("d", "x first", 2), ("f", "x first", 2))
            if kind + page != "uf"  # users are listed by no filter
        ),
        Target("T11a", "MB", "less", 200, rounds=1),
        Target("T11b", "MB", "less", 400, rounds=3),
        Target("T12", "s", "less", 3, rounds=3),
    )
}


@dataclass(frozen=True)
class Sample:
    """What one round found. `per_second` is no figure: it says how quick the machine was."""

    figure: float
    per_second: float | None = None
    cpu: Cpu | None = None


def line(name: str, samples: Sequence[Sample]) -> str:
    """`T1  figure unit  min–max  target  ok|short  CPU`: medians of the rounds, the range, the targets and verdicts."""
    target = TARGETS[name]
    digits = 0 if target.unit == "MB" else 2
    median, spread = _spread([sample.figure for sample in samples], digits)
    text = f"{name:5} {median:8.{digits}f} {target.unit:11} {spread:13} {_verdict(target.better, target.limit, median)}"
    rates = [sample.per_second for sample in samples if sample.per_second is not None]
    if rates:
        text += f" {statistics.median(rates):9,.0f}/s"
    spent = [sample.cpu for sample in samples if sample.cpu is not None]
    if spent:
        parts = ("client", "server", "postgres", "work")
        client, server, postgres, work = (statistics.median(getattr(one, part) for one in spent) for part in parts)
        text += f"  µs: client {client:.0f}, server {server:.0f} + PostgreSQL {postgres:.0f} = {work:.0f}"
        if target.cpu is not None:
            text += f" {_verdict('less', target.cpu, work)}"
    return text.rstrip()


def compared(name: str, before: Sequence[Sample], after: Sequence[Sample]) -> str:
    """How many times the figure, and the CPU, is what it was: the median of the rounds, each against its own."""
    pairs = list(zip(before, after, strict=True))
    median, spread = _spread([new.figure / old.figure for old, new in pairs], 3)
    text = f"{name:5} {median:8.3f} x before    {spread:13}"
    spent = [new.cpu.work / old.cpu.work for old, new in pairs if old.cpu and new.cpu]
    if spent:
        median, spread = _spread(spent, 3)
        text += f"  CPU {median:.3f} x before {spread}"
    return text


def _spread(values: Sequence[float], digits: int) -> tuple[float, str]:
    return statistics.median(values), f"{min(values):.{digits}f}–{max(values):.{digits}f}"


def _verdict(better: Literal["more", "less"], limit: float | None, figure: float) -> str:
    if limit is None:
        return "no verdict  "
    good = figure >= limit if better == "more" else figure <= limit
    return f"{'≥' if better == 'more' else '≤'} {limit:g} {'ok' if good else 'short'}".ljust(12)
