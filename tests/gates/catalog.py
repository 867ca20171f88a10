"""The one list of gates, by number."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.gates import (
    crash,
    egress,
    events,
    failpoints,
    keys,
    ledger,
    matrices,
    money,
    replies,
    signatures,
    walls,
)
from tests.gates.gate import Gate

_MODULES = (crash, failpoints, replies, money, ledger, keys, events, signatures, matrices, egress, walls)


def _number(gate: Gate) -> tuple[int, str]:
    digits = re.sub(r"\D", "", gate.name)
    return int(digits or 0), gate.name


GATES: Mapping[str, Gate] = {
    gate.name: gate for gate in sorted((gate for module in _MODULES for gate in module.GATES), key=_number)
}
