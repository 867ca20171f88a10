"""The ledger against a model of itself (R15, R18, R20), and what splitting brings."""

from __future__ import annotations

from tests.gates.gate import Gate
from tests.gates.ledger_life import R18
from tests.gates.ledger_rounding import R20
from tests.gates.ledger_splits import SPLITS
from tests.gates.ledger_transfers import R15

GATES: tuple[Gate, ...] = (R15, R18, R20, SPLITS)
