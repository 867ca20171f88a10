"""Verbs of payments: create, settle and cancel top-ups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.cash import service as cash
from openvest.features.cash.model import Reference
from openvest.features.payments import rules, store
from openvest.features.payments.model import NewTopup, Topup
from openvest.ledger import posting_rules
from openvest.ledger.apply import InsufficientFunds
from openvest.ledger.posting import post

_confirmed = filled(Topup, NewTopup, beside="id version created_at updated_at status settlement_reference")


async def create_topup(unit: Unit, new: NewTopup) -> Topup:
    """Credit a group with money its client firm will wire.

    Raises: AccountGroupNotFound, GroupNotActive. Writes: topups, cash_transactions, the ledger.
    """
    group = await accounts.account_group_for_share(unit, new.account_group_id)
    rules.may_top_up(group.status)
    at = unit.moment_after(None)
    topup = _confirmed(
        new,
        id=unit.ids.new("topup"),
        version=1,
        created_at=at,
        updated_at=at,
        status="CONFIRMED",
        settlement_reference=str(unit.ids.new("settlement_reference")),
    )
    await save(unit, store.ADD_TOPUP, topup)
    unit.emit("TOPUP.CONFIRMED", topup.id, topup.version, at, topup)
    await post(unit, [posting_rules.topup(topup.id, group.id, topup.currency, topup.cash_amount, at.date())])
    await _record(unit, topup, "TOPUP", topup.cash_amount, at)
    return topup


async def get_topup(unit: Unit, topup_id: UUID) -> Topup:
    """Raises: UnknownTopup."""
    return await unit.known(rules.UnknownTopup(), store.TOPUP_BY_ID, unit.tenant_id, topup_id)


async def list_topups(unit: Unit, request: PageRequest, account_group_id: UUID) -> Page[Topup]:
    """A page of a group's top-ups. Raises: AccountGroupNotFound."""
    group = await accounts.get_account_group(unit, account_group_id)
    return await page(unit, store.TOPUPS, request, {"account_group_id": group.id})


async def cancel_topup(unit: Unit, topup_id: UUID) -> Topup:
    """Take a top-up back while it is CONFIRMED and its money still withdrawable.

    Raises: UnknownTopup, TopupIsFinal, TopupIsSpent. Writes: topups, cash_transactions, the ledger.
    """
    topup = await unit.known(rules.UnknownTopup(), store.TOPUP_FOR_UPDATE, unit.tenant_id, topup_id)
    rules.may_cancel(topup)
    [cancelled] = await move_topups(unit, [topup], "cancel")
    group_id, currency, amount = topup.account_group_id, topup.currency, topup.cash_amount
    at = cancelled.updated_at
    try:
        await post(unit, [posting_rules.topup_cancellation(topup.id, group_id, currency, amount, at.date())])
    except InsufficientFunds as short:
        raise rules.TopupIsSpent(
            f"The top-up cannot be taken back: {short.missing} {currency} of it are not available for withdrawal."
        ) from short
    await _record(unit, topup, "TOPUP_CANCELLATION", -amount, at)
    return cancelled


async def _record(unit: Unit, topup: Topup, kind: str, amount: Decimal, at: datetime) -> None:
    delta = Money(amount, topup.currency)
    booked = cash.payment(unit, Reference(topup.id, "TOPUP"), kind, topup.account_group_id, delta, at)
    await cash.record_transactions(unit, [booked])


async def move_topups(unit: Unit, topups: Sequence[Topup], verb: str) -> list[Topup]:
    """Move locked top-ups by one verb, in one statement, with an event for each."""
    moved = [next_version(unit, topup, status=rules.TOPUP.move(topup.status, verb)) for topup in topups]
    await save(unit, store.MOVE_TOPUPS, *moved)
    for topup in moved:
        unit.emit(f"TOPUP.{topup.status}", topup.id, topup.version, topup.updated_at, topup)
    return moved
