"""The one list of gates, by number, and of the modules that hold them and their planted bugs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module

from tests.gates.gate import Gate

MODULES: Sequence[str] = (
    "crash",
    "failpoints",
    "replies",
    "money",
    "ledger",
    "payments",
    "keys",
    "events",
    "signatures",
    "clock",
    "fairness",
    "matrices",
    "egress",
    "walls",
    "pools",
    "prices",
    "backups",
)
"""Each is two modules: gates in `tests.gates`, the bugs planted against them in `tests.controls`."""


def _number(gate: Gate) -> tuple[int, str]:
    digits = re.sub(r"\D", "", gate.key)
    return int(digits or 0), gate.key


_UNSORTED: list[Gate] = [gate for name in MODULES for gate in import_module(f"tests.gates.{name}").GATES]

GATES: Mapping[str, Gate] = {gate.key: gate for gate in sorted(_UNSORTED, key=_number)}
