"""Verbs of operators about money whose owner is not known: assign it to a group, or send it back."""

from __future__ import annotations

from uuid import UUID

from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.bank.model import BankLine, NewInstruction
from openvest.features.fundings import rules, service
from openvest.features.fundings.model import Funding

RETURNS = "returned payment"
"""What the bank's answers to a return are for."""


async def assign_payment(unit: Unit, line_id: UUID, account_group_id: UUID) -> Funding:
    """Money in suspense was this group's all along.

    Raises: BankLineNotFound, NothingToResolve, AccountGroupNotFound, GroupTakesNoFunding. Writes: as `credit`.
    """
    line = await _credit_in_suspense(unit, line_id)
    group = await accounts.account_group_for_share(unit, account_group_id)
    rules.may_be_assigned(group.status)
    counterparty = bank.open_parties(unit, line).counterparty
    [funding] = await service.credit(unit, [service.Arrival(line, counterparty, group.id, None)], "suspense")
    await bank.resolve(unit, line, "assign", funding.id)
    return funding


async def return_payment(unit: Unit, line_id: UUID) -> UUID:
    """Send money in suspense back to the account it came from; it leaves suspense when the bank has paid it.

    Raises: BankLineNotFound, NothingToResolve, NobodyToPay. Writes: bank_lines, bank_instructions.
    """
    line = await _credit_in_suspense(unit, line_id)
    counterparty = bank.open_parties(unit, line).counterparty
    if counterparty is None or not counterparty.iban:
        raise rules.NobodyToPay
    return_id = unit.ids.new("payment_return", line.id)
    text = f"Return of {line.end_to_end_id}"[:140]
    await bank.instruct(
        unit,
        [NewInstruction("CREDIT_TRANSFER", RETURNS, return_id, None, line.amount, line.currency, counterparty, text)],
    )
    await bank.resolve(unit, line, "return", return_id)
    return return_id


async def _credit_in_suspense(unit: Unit, line_id: UUID) -> BankLine:
    line = await bank.unmatched_for_update(unit, line_id)
    if line.kind != "CREDIT":
        raise rules.NothingToResolve
    return line
