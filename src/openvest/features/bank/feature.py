"""The feature of banks: what they are told, and what they tell."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.bank import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "bank",
    v1=Face(v1.ENDPOINTS),
    lite=Face(lite.ENDPOINTS),
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    lifecycles=(rules.INSTRUCTION, rules.BANK_LINE),
    booking=sweeps.book_lines,
    invariants=store.INVARIANTS,
    tables=("bank_accounts", "bank_instructions", "bank_lines"),
    sealed=(model.ACCOUNT_IBAN, model.COUNTERPARTY, model.PARTIES),
)
