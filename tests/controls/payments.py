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
                'external_id=f"{place}{line.reference}", received_at',
                'external_id=f"{place}{line.reference} {unit.now}", received_at',
            ),
        ),
    ),
    Planted(
        "payments",
        "recalled-again",
        "a transfer that was recalled is recalled once more",
        (
            Edit(
                f"{_FEATURES}/fundings/store.py",
                "end_to_end_id = any($2::text[]) and status = 'CONFIRMED'",
                "end_to_end_id = any($2::text[])",
            ),
            Edit(
                f"{_FEATURES}/fundings/service.py",
                'status=cast(FundingStatus, rules.FUNDING.move(funding.status, "cancel"))',
                'status=cast(FundingStatus, "CANCELLED")',
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
