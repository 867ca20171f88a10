"""Blocks and their members as the domain sees them."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import record
from openvest.features.executions.model import Pace, Side

BlockStatus = Literal["COLLECTING", "WORKING", "ALLOTTING", "DONE"]
Mode = Literal["whole", "share", "room", "age"]


@record
class Block:
    """A block, as stored.

    Shape: `members` is their number, `unserved` how many have no share yet. `reserve` is what is kept of the inventory:
    what the block counts on, then what its members are still to get or have delivered. `shares` and `price` are what
    the street traded at what average, price None where nothing was traded; `complete`: all that was asked for.
    From `mode` to `last_order_id` the terms, as `rules.share_of` reads them; `given` is the sum of all shares.
    """

    id: UUID
    created_at: datetime
    updated_at: datetime
    status: BlockStatus
    instrument_id: UUID
    isin: str
    mic: str
    currency: str
    side: Side
    pace: Pace
    tick_size: Decimal
    decimals: int
    cut_off_at: datetime
    quote: Decimal
    members: int = 0
    unserved: int = 0
    reserve: Decimal = ZERO
    shares: Decimal = ZERO
    price: Decimal | None = None
    complete: bool = False
    traded_at: datetime | None = None
    street_order_id: UUID | None = None
    mode: Mode = "whole"
    part: Decimal = ZERO
    weights: Decimal = ZERO
    least: Decimal = ZERO
    given: Decimal = ZERO
    last_rest: Decimal | None = None
    last_accepted_at: datetime | None = None
    last_order_id: UUID | None = None

    @property
    def key(self) -> BlockKey:
        return BlockKey(self.instrument_id, self.currency, self.mic, self.side, self.cut_off_at)


@record
class BlockKey:
    """What orders have in common that join one block."""

    instrument_id: UUID
    currency: str
    mic: str
    side: Side
    cut_off_at: datetime


@record
class Member:
    """An order in a block. Units: `cap` is money for a BUY, units for a SELL. Shape: `allotted` None: not served."""

    order_id: UUID
    block_id: UUID
    accepted_at: datetime
    quantity: Decimal | None
    cash_amount: Decimal | None
    cap: Decimal
    decimals: int
    allotted: Decimal | None = None

    @property
    def id(self) -> UUID:
        """The order's, by which it is set aside where it cannot be served."""
        return self.order_id


@record
class Sums:
    """What all members of a block come to at a price. `kept`: the wants of those that want no less than was asked."""

    members: int
    wanted: Decimal
    kept: Decimal
    cap: Decimal
    least_cap: Decimal
    step: Decimal


@record
class Dealt:
    """What a split gives in all, and the last member that gets the odd step. None where nobody gets one."""

    given: Decimal
    last_rest: Decimal | None
    last_accepted_at: datetime | None
    last_order_id: UUID | None


@record
class Membership:
    """Where an order is, and where its block stands."""

    order_id: UUID
    block_id: UUID
    status: BlockStatus


@record
class CutOff:
    """When blocks are sent, in local time of a venue; of every venue that is not named where `mic` is empty."""

    mic: str
    local_time: time
