"""What journals do to balances: the rules of the books, decided in memory on balances that are locked.

Pure. Journals are applied in order with running balances; one that is refused leaves no trace, so a large order that is
refused does not block a small one behind it.

Source: POSTINGS.md section 1, rules 1 to 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, Inexact, localcontext
from uuid import UUID

from openvest.core.money import ZERO, plain
from openvest.core.problems import Unprocessable
from openvest.ledger.chart import (
    BUCKETS,
    HOUSE_BUCKETS,
    OWNER_BUCKETS,
    Balance,
    HouseKey,
    Key,
    Leg,
    house_key,
    owner_kind,
)
from openvest.ledger.posting_rules import FORCED, PAYOUTS, Journal

_PLACE = {bucket: place for place, bucket in enumerate(BUCKETS)}
_AVAILABLE, _LOCKED, _DUE, _UNSETTLED_IN = (_PLACE[b] for b in ("available", "locked", "due", "unsettled_in"))

Figures = list[Decimal]
"""A balance's buckets, in the order of BUCKETS."""


class LedgerFault(Exception):
    """The books did not take what they must take: a mistake of ours, never an expected refusal."""


class InsufficientFunds(Unprocessable):
    """A journal that a balance cannot bear. The facts stand beside the sentence, for the rule that asked."""

    def __init__(self, journal: Journal, key: Key, bucket: str, missing: Decimal):
        super().__init__(f"There is not enough in '{bucket}': {plain(missing)} {key.asset} are missing.")
        self.journal = journal
        self.key = key
        self.bucket = bucket
        self.missing = missing


@dataclass(slots=True)
class Applied:
    """What a run of journals comes to. `booked` has, in order, each journal's entries or its refusal."""

    booked: list[tuple[Leg, ...] | InsufficientFunds] = field(default_factory=list[tuple[Leg, ...] | InsufficientFunds])
    figures: dict[Key, Figures] = field(default_factory=dict[Key, Figures])
    house: dict[HouseKey, Decimal] = field(default_factory=dict[HouseKey, Decimal])
    locks: dict[tuple[UUID, Key], Decimal] = field(default_factory=dict[tuple[UUID, Key], Decimal])


def figures_of(balance: Balance) -> Figures:
    return [
        balance.available,
        balance.locked,
        balance.withdrawing,
        balance.covering,
        balance.blocked,
        balance.due,
        balance.unsettled_in,
        balance.unsettled_out,
    ]


def with_figures(old: Balance, figures: Figures, version: int, updated_at: datetime) -> Balance:
    """The balance as it stands with new figures."""
    available, locked, withdrawing, covering, blocked, due, unsettled_in, unsettled_out = figures
    return Balance(
        old.id,
        old.public_id,
        old.owner_id,
        old.asset,
        available,
        locked,
        withdrawing,
        covering,
        blocked,
        due,
        unsettled_in,
        unsettled_out,
        version,
        old.created_at,
        updated_at,
    )


def apply(balances: Mapping[Key, Balance], journals: Sequence[Journal]) -> Applied:
    """Apply journals in order to the balances they name. Raises: KeyError for a balance that is not there,
    ValueError for a journal no posting rule may make."""
    done = Applied()
    with localcontext() as context:  # books are exact: what does not fit is a fault, never a silent rounding
        context.prec = 80
        context.traps[Inexact] = True
        for journal in journals:
            scratch: dict[Key, Figures] = {}
            booked = _book(journal, balances, done.figures, scratch)
            short = _judge(journal, scratch)
            if short is None:
                done.figures.update(scratch)
                _note(done, journal, booked)
            done.booked.append(booked if short is None else short)
    return done


def _note(done: Applied, journal: Journal, booked: tuple[Leg, ...]) -> None:
    for leg in booked:
        if leg.owner_id is None:
            key = house_key(leg)
            done.house[key] = done.house.get(key, ZERO) + leg.amount
        elif leg.bucket == "locked":
            if journal.lock_id is None:
                raise ValueError(f"{journal.kind} touches 'locked' without naming whose lock it is")
            lock = (journal.lock_id, Key(leg.owner_id, leg.asset))
            done.locks[lock] = done.locks.get(lock, ZERO) + leg.amount


def _book(
    journal: Journal, balances: Mapping[Key, Balance], running: Mapping[Key, Figures], scratch: dict[Key, Figures]
) -> tuple[Leg, ...]:
    """The entries of a journal; scratch gets the figures of every balance it touches."""
    forced = journal.kind in FORCED
    booked: list[Leg] = []
    for leg in journal.legs:
        owner_id, asset, bucket, amount, detail = leg
        if owner_id is None:
            if bucket not in HOUSE_BUCKETS:
                raise ValueError(f"the house has no bucket {bucket!r}")
            booked.append(leg)
            continue
        if bucket == "due" or bucket not in OWNER_BUCKETS[owner_kind(asset)]:
            raise ValueError(f"no posting rule books {asset} of a customer in {bucket!r}")
        key = Key(owner_id, asset)
        figures = scratch.get(key)
        if figures is None:
            known = running.get(key)
            figures = scratch[key] = figures_of(balances[key]) if known is None else known.copy()
        if bucket != "available":
            figures[_PLACE[bucket]] += amount
            booked.append(leg)
            continue
        to_due = _set_off(figures, amount, forced)
        if to_due == amount:
            booked.append(Leg(owner_id, asset, "due", amount, detail))
        elif to_due:
            booked.append(Leg(owner_id, asset, "available", amount - to_due, detail))
            booked.append(Leg(owner_id, asset, "due", to_due, detail))
        else:
            booked.append(leg)
    return tuple(booked)


def _set_off(figures: Figures, amount: Decimal, forced: bool) -> Decimal:
    """Book an amount to `available`, and return the part that goes to `due` instead.

    A credit first repays what is due; a forced debit takes what is there and makes the rest due.
    """
    if amount > 0:
        to_due = min(amount, -figures[_DUE])
    elif forced:
        to_due = min(ZERO, amount + figures[_AVAILABLE])
    else:
        to_due = ZERO
    figures[_DUE] += to_due
    figures[_AVAILABLE] += amount - to_due
    return to_due


def _judge(journal: Journal, touched: Mapping[Key, Figures]) -> InsufficientFunds | None:
    """The refusal of a journal that would leave a bucket outside its range."""
    for key, figures in touched.items():
        for place, figure in enumerate(figures):
            if figure < 0 and place != _DUE:
                return InsufficientFunds(journal, key, BUCKETS[place], -figure)
        if journal.kind in PAYOUTS:
            withdrawable = figures[_AVAILABLE] + figures[_DUE] - figures[_UNSETTLED_IN]
            if withdrawable < 0:
                return InsufficientFunds(journal, key, "available", -withdrawable)
    return None
