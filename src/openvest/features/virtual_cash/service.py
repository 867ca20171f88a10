"""Verbs of virtual cash: issue increases and decreases, find them, move them, cancel a decrease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, cast
from uuid import UUID

from openvest.core.money import Money
from openvest.core.shown import filled
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction, Reference
from openvest.features.virtual_cash import rules, store
from openvest.features.virtual_cash.model import Decrease, DecreaseStatus, Increase, IncreaseStatus, NewVirtualCash
from openvest.ledger import posting_rules
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import Journal

_increase = filled(Increase, NewVirtualCash, beside="id version created_at updated_at status")
_decrease = filled(Decrease, NewVirtualCash, beside="id version created_at updated_at status set_apart")


async def create_increase(unit: Unit, new: NewVirtualCash) -> Increase:
    """Issue an increase; the sweep books it.

    Raises: AccountGroupNotFound, GroupTakesNoVirtualCash. Writes: virtual_cash_increases,
    VIRTUAL_CASH_INCREASE.ISSUED.
    """
    group = await accounts.account_group_for_share(unit, new.account_group_id)
    rules.may_increase(group.status)
    at = unit.moment_after(None)
    increase_id = unit.ids.new("virtual_cash_increase")
    increase = _increase(new, id=increase_id, version=1, created_at=at, updated_at=at, status="ISSUED")
    await save(unit, store.ADD_INCREASE, increase)
    unit.emit("VIRTUAL_CASH_INCREASE.ISSUED", increase.id, 1, at, increase)
    return increase


async def get_increase(unit: Unit, increase_id: UUID) -> Increase:
    """Raises: IncreaseNotFound."""
    return await unit.known(rules.IncreaseNotFound(), store.INCREASE_BY_ID, unit.tenant_id, increase_id)


async def move_increases(unit: Unit, verbs: Sequence[tuple[Increase, str]]) -> None:
    """Confirm or cancel locked increases, each by its verb.

    Writes: virtual_cash_increases, VIRTUAL_CASH_INCREASE.…, cash_transactions, the ledger.
    """
    moved = [
        next_version(unit, increase, status=cast(IncreaseStatus, rules.INCREASE.move(increase.status, verb)))
        for increase, verb in verbs
    ]
    await save(unit, store.MOVE_INCREASES, *moved)
    for increase in moved:
        event = f"VIRTUAL_CASH_INCREASE.{increase.status}"
        unit.emit(event, increase.id, increase.version, increase.updated_at, increase)
    confirmed = [increase for increase in moved if increase.status == "CONFIRMED"]
    await post(unit, [posting_rules.virtual_cash_increase(*_facts(increase)) for increase in confirmed])
    rows = [_transaction(unit, "VIRTUAL_CASH_INCREASE", increase, increase.amount) for increase in confirmed]
    await cash.record_transactions(unit, rows)


async def create_decrease(unit: Unit, new: NewVirtualCash) -> Decrease:
    """Issue a decrease, and set its money apart where all of it is withdrawable; the sweep decides.

    Raises: AccountGroupNotFound, GroupTakesNoVirtualCash. Writes: virtual_cash_decreases,
    VIRTUAL_CASH_DECREASE.ISSUED, the ledger.
    """
    group = await accounts.account_group_for_share(unit, new.account_group_id)
    rules.may_decrease(group.status)
    at = unit.moment_after(None)
    decrease_id = unit.ids.new("virtual_cash_decrease")
    wanted = posting_rules.reserve_decrease(decrease_id, group.id, new.currency, new.amount, at.date())
    [posted] = await post(unit, [wanted], refuse="each")
    decrease = _decrease(
        new,
        id=decrease_id,
        version=1,
        created_at=at,
        updated_at=at,
        status="ISSUED",
        set_apart=posted.refused is None,
    )
    await save(unit, store.ADD_DECREASE, decrease)
    unit.emit("VIRTUAL_CASH_DECREASE.ISSUED", decrease.id, 1, at, decrease)
    return decrease


async def get_decrease(unit: Unit, decrease_id: UUID) -> Decrease:
    """Raises: DecreaseNotFound."""
    return await unit.known(rules.DecreaseNotFound(), store.DECREASE_BY_ID, unit.tenant_id, decrease_id)


async def cancel_decrease(unit: Unit, decrease_id: UUID) -> None:
    """Give a decrease up while it is ISSUED or QUEUED.

    Raises: DecreaseNotFound, DecreaseIsFinal. Writes: as `move_decreases`.
    """
    decrease = await unit.known(rules.DecreaseNotFound(), store.DECREASE_FOR_UPDATE, unit.tenant_id, decrease_id)
    rules.may_cancel(decrease)
    await move_decreases(unit, [(decrease, "cancel")])


async def move_decreases(unit: Unit, verbs: Sequence[tuple[Decrease, str]]) -> None:
    """Move locked decreases, each by its verb; the money of those that are confirmed is set apart.

    Writes: virtual_cash_decreases, VIRTUAL_CASH_DECREASE.…, cash_transactions, the ledger.
    """
    moved = [
        next_version(
            unit, decrease, status=cast(DecreaseStatus, rules.DECREASE.move(decrease.status, verb)), set_apart=False
        )
        for decrease, verb in verbs
    ]
    await save(unit, store.MOVE_DECREASES, *moved)
    journals: list[Journal] = []
    rows: list[CashTransaction] = []
    for decrease, (was, _) in zip(moved, verbs, strict=True):
        event = f"VIRTUAL_CASH_DECREASE.{decrease.status}"
        unit.emit(event, decrease.id, decrease.version, decrease.updated_at, decrease)
        if decrease.status == "CONFIRMED":
            journals.append(posting_rules.virtual_cash_decrease(*_facts(decrease)))
            rows.append(_transaction(unit, "VIRTUAL_CASH_DECREASE", decrease, -decrease.amount))
        elif was.set_apart:
            journals.append(posting_rules.release_decrease(*_facts(decrease)))
    await post(unit, journals)
    await cash.record_transactions(unit, rows)


def _facts(moved: Increase | Decrease) -> tuple[UUID, UUID, str, Decimal, date]:
    """What the posting rules of either are told."""
    return moved.id, moved.account_group_id, moved.currency, moved.amount, moved.updated_at.date()


def _transaction(
    unit: Unit,
    kind: Literal["VIRTUAL_CASH_INCREASE", "VIRTUAL_CASH_DECREASE"],
    moved: Increase | Decrease,
    amount: Decimal,
) -> CashTransaction:
    """The cash transaction of either; what caused it has the same name as its type."""
    cause, delta = Reference(moved.id, kind), Money(amount, moved.currency)
    return cash.payment(unit, cause, kind, moved.account_group_id, delta, moved.updated_at)
