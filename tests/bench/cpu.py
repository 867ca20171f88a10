"""What operations cost: CPU of whole families of processes, those that ended included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import psutil


def _seconds(root: int) -> float:
    """Units: seconds of CPU of a process and of all that it started."""
    process = psutil.Process(root)
    while True:
        family = [*process.children(recursive=True), process]
        try:
            times = [one.cpu_times() for one in family]
        except psutil.NoSuchProcess:
            continue
        # What one has used that ended meanwhile may stand in two of these, its own and its parent's.
        if all(one.is_running() for one in family):
            return sum(one.user + one.system + one.children_user + one.children_system for one in times)


@dataclass(frozen=True)
class Cpu:
    """Units: microseconds of CPU per operation."""

    client: float
    server: float
    postgres: float

    @property
    def work(self) -> float:
        """What the program costs; the client is not the program."""
        return self.server + self.postgres


class Meter:
    """Runs while operations are under way. `own` says what this process is among them, without those it started."""

    def __init__(self, own: Literal["client", "server", "idle"], *, server: Sequence[int], postgres: int) -> None:
        self._own, self._server, self._postgres = own, server, postgres
        self._began = self._now()

    def _now(self) -> tuple[float, float, float]:
        own = {self._own: time.process_time()}
        server = sum(_seconds(pid) for pid in self._server)
        return own.get("client", 0.0), own.get("server", 0.0) + server, _seconds(self._postgres)

    def per_operation(self, count: int) -> Cpu:
        """What was spent since the start, shared by so many operations."""
        spent = (now - began for now, began in zip(self._now(), self._began, strict=True))
        return Cpu(*(seconds / count * 1e6 for seconds in spent))
