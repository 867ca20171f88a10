"""The chart of accounts: who owns, in which buckets, in which range; and the figures that are published of them.

A customer's cash belongs to the account group, one balance per currency; a customer's units belong to the account, one
balance per instrument. An asset is named by text: the currency's three letters, or the instrument's id.

Source: POSTINGS.md section 1.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.records import record

OwnerKind = Literal["group", "account"]

BUCKETS: tuple[str, ...] = (
    "available",
    "locked",
    "withdrawing",
    "covering",
    "blocked",
    "due",
    "unsettled_in",
    "unsettled_out",
)
"""Buckets of a customer's balance, in the order of its columns. Each is >= 0 but `due`, which is <= 0."""

HOUSE_BUCKETS: frozenset[str] = frozenset(
    """
    bank own_bank street custody issuer client_funding suspense fees vat tax_income tax_solidarity tax_church
    fractions fx rounding losses memo
    """.split()
)

MEMO_BUCKETS: frozenset[str] = frozenset({"unsettled_in", "unsettled_out", "memo"})
"""Buckets that remember without owning: their entries sum to zero by themselves."""

DETAILED: frozenset[str] = frozenset({"street"})
"""House buckets whose balance is kept per detail: what is owed to the street has one row per settlement day."""

OWNER_BUCKETS: dict[OwnerKind, frozenset[str]] = {
    "group": frozenset({"available", "locked", "withdrawing", "covering", "due", "unsettled_in"}),
    "account": frozenset({"available", "locked", "blocked", "due", "unsettled_in", "unsettled_out"}),
}


class Key(NamedTuple):
    """Names a customer's balance. The order of keys is the order in which balances are locked."""

    owner_id: UUID
    asset: str


class Leg(NamedTuple):
    """One entry: a credit (+, the owner's claim grows) or a debit (-). `owner_id` None is the house.

    A posting rule says what should happen; what is booked may differ in `available` and `due` (see `apply`).
    """

    owner_id: UUID | None
    asset: str
    bucket: str
    amount: Decimal
    detail: str = ""


class HouseKey(NamedTuple):
    """Names a balance of the house."""

    asset: str
    bucket: str
    detail: str


def owner_kind(asset: str) -> OwnerKind:
    """Who owns this asset: groups own cash, accounts own units."""
    return "group" if len(asset) == 3 else "account"


def units_of(instrument_id: UUID) -> str:
    """The asset's name of an instrument's units."""
    return str(instrument_id)


def house_key(leg: Leg) -> HouseKey:
    return HouseKey(leg.asset, leg.bucket, leg.detail if leg.bucket in DETAILED else "")


@lru_cache(maxsize=8192)
def balance_id(owner_id: UUID, asset: str) -> UUID:
    """The public id of a balance or position, the same in every place and at every time."""
    return deterministic_id("balance", owner_id, asset)


@record
class Balance:
    """A customer's balance row. `version` counts the units of work that touched it; 0: never posted to.

    The properties are the published figures of cash and of positions alike; buckets that the other kind of owner has
    are zero.
    """

    id: int
    owner_id: UUID
    asset: str
    available: Decimal
    locked: Decimal
    withdrawing: Decimal
    covering: Decimal
    blocked: Decimal
    due: Decimal
    unsettled_in: Decimal
    unsettled_out: Decimal
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> Key:
        return Key(self.owner_id, self.asset)

    @property
    def public_id(self) -> UUID:
        return balance_id(self.owner_id, self.asset)

    @property
    def balance(self) -> Decimal:
        """Cash: the balance. Units: the quantity of the position."""
        return self.available + self.locked + self.withdrawing + self.covering + self.blocked + self.due

    @property
    def locked_for_trading(self) -> Decimal:
        return self.locked

    @property
    def pending_settlement(self) -> Decimal:
        return self.unsettled_in + self.covering

    @property
    def available_for_withdrawal(self) -> Decimal:
        """Cash only. Below zero after a sale whose unsettled proceeds were spent."""
        return self.available + self.due - self.unsettled_in

    @property
    def available_for_trading(self) -> Decimal:
        return self.available + self.due

    @property
    def settled_quantity(self) -> Decimal:
        """Units only."""
        return self.balance - self.unsettled_in + self.unsettled_out
