"""Bugs planted against the gate of payments."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_FEATURES = "src/openvest/features"
_WITHDRAWALS = f"{_FEATURES}/withdrawals/service.py"

PLANTED: tuple[Planted, ...] = (
    Planted(
        "payments",
        "paid-out-without-a-lock",
        "a withdrawal sets no money apart, so the same money is ordered out again",
        (
            Edit(
                _WITHDRAWALS,
                "    await post(unit, [posting_rules.reserve_withdrawal("
                "withdrawal.id, group.id, new.currency, new.amount, at.date())])\n",
                "",
            ),
        ),
    ),
    Planted(
        "payments",
        "cancelled-after-hand-over",
        "a withdrawal that the bank has is cancelled, and paid all the same",
        (
            Edit(
                f"{_FEATURES}/withdrawals/rules.py",
                '    if withdrawal.status != "NEW":\n',
                '    if not WITHDRAWAL.can(withdrawal.status, "cancel"):\n',
            ),
            Edit(
                _WITHDRAWALS,
                "    if not await bank.recall(unit, [withdrawal.id]):\n",
                '    if not await bank.recall(unit, [withdrawal.id]) and withdrawal.status == "NEW":\n',
            ),
        ),
    ),
    Planted(
        "payments",
        "no-debt",
        "a charge-back of what is spent takes no more than is there",
        (
            Edit(
                "src/openvest/ledger/apply.py",
                "        to_due = min(ZERO, amount + figures[_AVAILABLE])\n",
                "        amount = max(amount, -figures[_AVAILABLE])\n        to_due = ZERO\n",
            ),
        ),
    ),
    Planted(
        "payments",
        "imported-twice",
        "a line of a statement is known by when it was read, so that a file told twice is booked twice",
        (
            Edit(
                f"{_FEATURES}/bank/service_files.py",
                "external_id=name, received_at",
                'external_id=f"{name} {unit.now}", received_at',
            ),
        ),
    ),
    Planted(
        "payments",
        "no-fee",
        "what a bank takes beyond what it charges back stands in no book",
        (
            Edit(
                f"{_FEATURES}/direct_debits/sweeps.py",
                "        if fee := rules.fee_of(debit, line):\n",
                "        if (fee := rules.fee_of(debit, line)) < 0:\n",
            ),
        ),
    ),
    Planted(
        "payments",
        "nobodys-money",
        "what nobody takes of what arrived stands in no book",
        (
            Edit(
                f"{_FEATURES}/bank/sweeps.py",
                "    await post(unit, [_unmatched(line) for line in nobodys])\n",
                "",
            ),
        ),
    ),
)
