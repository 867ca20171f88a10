"""The page about postings: each journal of each story is applied to the balances before it, and printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.money import ZERO, plain
from openvest.ledger.apply import InsufficientFunds, apply, with_figures
from openvest.ledger.chart import MEMO_BUCKETS, Balance, Key, Leg, balance_id, units_of
from openvest.ledger.posting_rules import Journal
from tools.docs_posting_stories import EUR, MONEY_STORIES, SHOWN, STORIES, TRADE_STORIES, A, G, Story, X
from tools.markdown import first_line, page, table

_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECTION = re.compile(r"\(([0-9., ]+)\)")
"""How a docstring names its sections."""


def postings_page() -> str:
    """Every kind of journal with its entries and the published figures after it."""
    parts = [
        "Every movement of value is a journal: entries that sum to zero for each asset. Memo entries (*unsettled in*,"
        " *unsettled out* and the house's *memo*) remember what is not settled, own nothing and sum to zero by"
        " themselves. Plus is a credit: the owner's claim grows, or the house owes more. What follows is not written by"
        " hand: each posting rule of the ledger was called with the figures shown, and its journal was applied to the"
        " balances that the journals before it had left. The sections are those of"
        " `docs/design/POSTINGS.md`.",
        "## Kinds",
        _kinds(),
        "## Money",
    ]
    for story in MONEY_STORIES:
        parts += _story(story)
    parts.append("## Trades")
    for story in TRADE_STORIES:
        parts += _story(story)
    return page("Postings", *parts)


def _kinds() -> str:
    """Each kind with the posting rules that make it."""
    told = {(step.made.kind, step.rule.__name__): step.rule for story in STORIES for step in story.steps}
    rows = (
        (f"`{kind}`", f"`{name}`", SECTION.sub("", first_line(rule.__doc__)).strip(), section(rule))
        for (kind, name), rule in sorted(told.items())
    )
    return table(("kind", "posting rule", "what it is", "section"), rows)


def section(rule: Callable[..., Journal]) -> str:
    """The sections of the posting catalogue that a posting rule's docstring names."""
    found = SECTION.search(rule.__doc__ or "")
    return found[1] if found else ""


def _story(story: Story) -> Iterable[str]:
    balances = _booked({}, story.before)
    yield f"### {story.title}"
    for step in story.steps:
        entries, balances = _apply(balances, step.made)
        yield f"`{step.made.kind}`: {step.says}"
        yield table(("owner", "asset", "bucket", "amount"), (_entry(leg) for leg in entries))
        yield _figures(balances)


def _entry(leg: Leg) -> Sequence[str]:
    bucket = leg.bucket.replace("_", " ") + (f" of {leg.detail}" if leg.detail else "")
    memo = " (memo)" if leg.bucket in MEMO_BUCKETS and leg.bucket != "memo" else ""
    sign = "" if leg.amount < 0 else "+"
    amount = _cents(leg.amount) if leg.asset == EUR else plain(leg.amount)
    return (SHOWN[leg.owner_id], SHOWN.get(leg.asset, leg.asset), bucket + memo, sign + amount)


def _cents(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _figures(balances: Mapping[Key, Balance]) -> str:
    """The published figures of the customer's cash and units."""
    said: list[str] = []
    cash, units = balances.get(Key(G, EUR)), balances.get(Key(A, units_of(X)))
    if cash is not None:
        figures = (
            cash.balance,
            cash.locked_for_trading,
            cash.pending_settlement,
            cash.available_for_withdrawal,
            cash.available_for_trading,
        )
        names = ("balance", "locked", "pending", "withdrawable", "tradable")
        said.append("Cash: " + ", ".join(f"{n} {_cents(f)}" for n, f in zip(names, figures, strict=True)) + ".")
    if units is not None:
        figures = (units.balance, units.locked_for_trading, units.available_for_trading, units.settled_quantity)
        names = ("quantity", "locked", "tradable", "settled")
        said.append("Units: " + ", ".join(f"{n} {plain(f)}" for n, f in zip(names, figures, strict=True)) + ".")
    return " ".join(said)


def _booked(balances: Mapping[Key, Balance], journals: Iterable[Journal]) -> Mapping[Key, Balance]:
    for journal in journals:
        _, balances = _apply(balances, journal)
    return balances


def _apply(balances: Mapping[Key, Balance], journal: Journal) -> tuple[tuple[Leg, ...], Mapping[Key, Balance]]:
    """What the ledger books for a journal, and the balances after it."""
    known = dict(balances)
    for leg in journal.legs:
        if leg.owner_id is not None:
            known.setdefault(Key(leg.owner_id, leg.asset), _empty(leg.owner_id, leg.asset))
    done = apply(known, [journal])
    [entries] = done.booked
    if isinstance(entries, InsufficientFunds):
        raise entries
    for key, figures in done.figures.items():
        known[key] = with_figures(known[key], figures, known[key].version + 1, _AT)
    return entries, known


def _empty(owner_id: UUID, asset: str) -> Balance:
    return Balance(
        0, balance_id(owner_id, asset), owner_id, asset, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, 0, _AT, _AT
    )
