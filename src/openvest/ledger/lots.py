"""Lots: what each purchase left in an account, with its date and cost, consumed first in, first out.

The position's balance must be locked before its lots are read (`posting.balances_for_update`): that lock keeps two
disposals apart.

Source: ORDER_MATHS.md section 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO, Money, cent_half_up, price_half_up, ratio, times
from openvest.core.records import record, replace

Origin = Literal["execution", "transfer", "corporate_action"]


@record
class Lot:
    """One purchase, delivery or transferred part. A cost of None is unknown, which is not zero, and has no currency.

    `acquired_at` is the trade time and travels with the units. The lot of an execution has the execution's id.
    """

    id: UUID
    account_id: UUID
    instrument_id: UUID
    acquired_at: datetime
    quantity: Decimal
    remaining: Decimal
    cost: Decimal | None
    remaining_cost: Decimal | None
    currency: str | None
    sum_advance_tax: Decimal
    remaining_advance_tax: Decimal
    origin: Origin
    origin_id: UUID


@record
class LotUse:
    """What a disposal (a sale's execution, a transfer) took of a lot."""

    disposal_id: UUID
    lot_id: UUID
    quantity: Decimal
    cost: Decimal | None
    advance_tax: Decimal


def bought_lot(
    execution_id: UUID,
    account_id: UUID,
    instrument_id: UUID,
    acquired_at: datetime,
    quantity: Decimal,
    cost: Money | None,
) -> Lot:
    """The lot of a buy. `cost`: the execution's cash and its transaction fees, also those the client charges itself."""
    amount, currency = (None, None) if cost is None else (cost.amount, cost.currency)
    return Lot(
        execution_id,
        account_id,
        instrument_id,
        acquired_at,
        quantity,
        quantity,
        amount,
        amount,
        currency,
        ZERO,
        ZERO,
        "execution",
        execution_id,
    )


def consume(lots: Sequence[Lot], quantity: Decimal, disposal_id: UUID) -> tuple[list[LotUse], list[Lot]]:
    """Take a quantity from open lots in the order given (acquired_at, then id); what was taken, and the lots after it.

    A part takes its share of the cost that remains, half a cent up; the last part takes all that is left, so the parts
    sum to the cost. Raises: ValueError where the lots hold less, which is a fault: they sum to the position.
    """
    uses: list[LotUse] = []
    after: list[Lot] = []
    wanted = quantity
    for lot in lots:
        part = min(wanted, lot.remaining)
        if part <= 0:
            after.append(lot)
            continue
        use = LotUse(
            disposal_id,
            lot.id,
            part,
            None if lot.remaining_cost is None else _share(lot.remaining_cost, part, lot.remaining),
            _share(lot.remaining_advance_tax, part, lot.remaining),
        )
        uses.append(use)
        after.append(_less(lot, use))
        wanted -= part
    if wanted > 0:
        raise ValueError(f"the lots hold {wanted} less than the {quantity} to take")
    return uses, after


def take_back(lots: Sequence[Lot], execution_id: UUID, quantity: Decimal) -> tuple[list[LotUse], list[Lot]]:
    """Take the units of a cancelled buy out of the account's open lots: its own lot first, then first in, first out.

    `quantity` is what the cancellation took from `available`; what it made `due` no lot holds any more.
    """
    own = [lot for lot in lots if lot.id == execution_id]
    return consume([*own, *(lot for lot in lots if lot.id != execution_id)], quantity, execution_id)


def _share(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return total if part == whole else cent_half_up(ratio(times(total, part), whole))


def _less(lot: Lot, use: LotUse) -> Lot:
    cost = None if lot.remaining_cost is None or use.cost is None else lot.remaining_cost - use.cost
    return replace(
        lot,
        remaining=lot.remaining - use.quantity,
        remaining_cost=cost,
        remaining_advance_tax=lot.remaining_advance_tax - use.advance_tax,
    )


def cost_of(uses: Iterable[LotUse]) -> Decimal | None:
    """The cost a disposal took; None where that of any part is unknown."""
    total = ZERO
    for use in uses:
        if use.cost is None:
            return None
        total += use.cost
    return total


def average_price(lots: Iterable[Lot]) -> Decimal | None:
    """Average buy-in price of what is still held: None with nothing held or a cost unknown."""
    cost, quantity = ZERO, ZERO
    for lot in lots:
        if not lot.remaining:
            continue
        if lot.remaining_cost is None:
            return None
        cost += lot.remaining_cost
        quantity += lot.remaining
    return price_half_up(ratio(cost, quantity)) if quantity else None
