"""Verbs of direct debits: collect, find; and what a unit of them books."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from openvest.core.banking import Mandate, Party
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.bank.model import NewInstruction
from openvest.features.direct_debits import rules, store
from openvest.features.direct_debits.model import DirectDebit, NewDirectDebit
from openvest.features.mandates import service as mandates

OBJECT_KIND = "direct debit"
"""How the bank names what it is instructed for."""
_new = filled(
    DirectDebit,
    NewDirectDebit,
    beside="id version created_at updated_at status cancellation_reason settled_on user_id",
)


async def create_direct_debit(unit: Unit, new: NewDirectDebit) -> DirectDebit:
    """Have money collected from the owner of a group, at the bank's next cut-off.

    Raises: AccountGroupNotFound, GroupOfAnother, GroupNotActive, CurrencyNotCollected, MandateNotFound, MandateLapsed,
    MandateOfOtherGroup, OutsideCalendar. Writes: direct_debits, mandates, bank_instructions, DIRECT_DEBIT.NEW.
    """
    group = await accounts.account_group_for_share(unit, new.account_group_id)
    rules.check_collectable(new, group.user_id, group.status)
    mandate = await mandates.usable_mandate(unit, new.mandate_id, group.user_id)
    rules.check_mandate(group.id, mandate.account_group_id)
    at = unit.moment_after(None)
    debit = _new(
        new,
        id=unit.ids.new("direct_debit"),
        version=1,
        created_at=at,
        updated_at=at,
        status="NEW",
        cancellation_reason=None,
        settled_on=None,
        user_id=group.user_id,
    )
    instruction = NewInstruction(
        kind="DIRECT_DEBIT",
        object_kind=OBJECT_KIND,
        object_id=debit.id,
        user_id=group.user_id,
        amount=debit.cash_amount,
        currency=debit.currency,
        counterparty=Party(mandate.payer, mandate.iban, mandate.bic),
        remittance_information=debit.remittance_information or "",
        purpose_code=debit.purpose_code,
        mandate=Mandate(
            reference=mandate.reference,
            signed_on=mandate.confirmed_at.date(),
            creditor_id=mandate.creditor_id,
            creditor_name=mandate.creditor_name,
            sequence="FRST" if mandate.last_used_on is None else "RCUR",
        ),
    )
    await save(unit, store.ADD_DEBIT, debit)
    await bank.instruct(unit, [instruction])
    await mandates.note_use(unit, mandate.id, at.date())
    unit.emit("DIRECT_DEBIT.NEW", debit.id, debit.version, at, debit)
    return debit


async def get_direct_debit(unit: Unit, debit_id: UUID) -> DirectDebit:
    """Raises: DirectDebitNotFound."""
    return await unit.known(rules.DirectDebitNotFound(), store.DEBIT_BY_ID, unit.tenant_id, debit_id)


async def list_direct_debits(
    unit: Unit, request: PageRequest, account_group_id: UUID | None = None
) -> Page[DirectDebit]:
    """A page of a group's direct debits, or of all. Raises: AccountGroupNotFound."""
    if account_group_id is not None:
        await accounts.get_account_group(unit, account_group_id)
    return await page(unit, store.DEBITS, request, {"account_group_id": account_group_id})


def moved(unit: Unit, debit: DirectDebit, verb: str, **changes: Any) -> DirectDebit:
    """The next version of a locked debit, told of; it is the caller's to save. Raises: WrongState."""
    after = next_version(unit, debit, status=rules.DIRECT_DEBIT.move(debit.status, verb), **changes)
    unit.emit(f"DIRECT_DEBIT.{after.status}", after.id, after.version, after.updated_at, after)
    return after


async def end_of_mandates(unit: Unit, mandate_ids: Sequence[UUID]) -> None:
    """Nothing leaves any more under mandates that are revoked; what the bank was handed goes on.

    Writes: direct_debits, bank_instructions, DIRECT_DEBIT.CANCELLED.
    """
    waiting = await unit.rows(store.NEW_OF_MANDATES_FOR_UPDATE, unit.tenant_id, list(mandate_ids))
    if waiting:
        recalled = await bank.recall(unit, [debit.id for debit in waiting])
        ended = [debit for debit in waiting if debit.id in recalled]
        done = [moved(unit, debit, "cancel", cancellation_reason="CANCELLED_BY_UPVEST") for debit in ended]
        await save(unit, store.MOVE_DEBITS, *done)
