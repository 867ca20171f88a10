"""Posting: journals into the database, in sets, on balances that are locked.

A unit of work keeps its locked balances and what the house had of it in one note, `Books`. Rules of features read the
running balances with `balances_for_update` before they decide, `post` writes, `touched` tells publishers what changed,
and the closer `write_house` books the house's net changes last.

Source: DOMAIN.md section 1; PHYSICAL_DESIGN.md "Order of locks", "Order of writes".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import record, replace
from openvest.db.query import numeric_array
from openvest.db.unit import Unit
from openvest.ledger import store
from openvest.ledger.apply import Applied, InsufficientFunds, LedgerFault, apply, with_figures
from openvest.ledger.chart import Balance, HouseKey, Key, Leg, balance_id, owner_kind
from openvest.ledger.posting_rules import Journal
from openvest.ledger.store import Lock

BLOCK = 10_000
"""Journal ids one call of the sequence reserves; the sequence has the same step."""


@record
class Posted:
    """What became of a journal. `refused` where it was short (nothing was booked); `repeated` where it had been booked
    before, by this call or an earlier one. `entries` are the entries as booked, set off against what was due."""

    journal: Journal
    id: int | None
    entries: tuple[Leg, ...] = ()
    refused: InsufficientFunds | None = None
    repeated: bool = False

    def amount(self, key: Key, bucket: str) -> Decimal:
        """What was booked to one bucket of one balance."""
        return sum((leg.amount for leg in self.entries if leg[:3] == (*key, bucket)), ZERO)


@dataclass(slots=True)
class Books:
    """What a unit of work knows of the ledger: locked balances as they stand now, touched keys, the house's changes."""

    balances: dict[Key, Balance] = field(default_factory=dict[Key, Balance])
    touched: dict[Key, None] = field(default_factory=dict[Key, None])
    house: dict[HouseKey, Decimal] = field(default_factory=dict[HouseKey, Decimal])

    def copy(self) -> Books:
        """For a savepoint of the unit; balances never change in place."""
        return Books(self.balances.copy(), self.touched.copy(), self.house.copy())


def _books(unit: Unit) -> Books:
    return unit.note(Books, Books)


async def balances_for_update(unit: Unit, keys: Iterable[Key]) -> dict[Key, Balance]:
    """Lock balances, in key order, and give them as they stand after what this unit has posted.

    A balance that does not exist yet is made, with zeros. A unit should lock all it needs with one call: a second call
    may meet another unit that locks in key order; the deadlock is broken and that unit run again. Writes: balances.
    """
    books = _books(unit)
    wanted = set(keys)
    missing = sorted(wanted - books.balances.keys())
    if missing:
        for balance in await _lock(unit, missing):
            books.balances[balance.key] = balance
        unmade = [key for key in missing if key not in books.balances]
        if unmade:
            for balance in await unit.rows(
                store.MAKE_BALANCES,
                unit.tenant_id,
                [owner_kind(key.asset) for key in unmade],
                [key.owner_id for key in unmade],
                [key.asset for key in unmade],
                [balance_id(*key) for key in unmade],
                unit.now,
            ):
                books.balances[balance.key] = balance
        late = [key for key in unmade if key not in books.balances]
        if late:  # another unit made them between our two statements, and has committed since
            for balance in await _lock(unit, late):
                books.balances[balance.key] = balance
    return {key: books.balances[key] for key in wanted}


async def _lock(unit: Unit, keys: Sequence[Key]) -> list[Balance]:
    return await unit.rows(
        store.BALANCES_FOR_UPDATE, unit.tenant_id, [key.owner_id for key in keys], [key.asset for key in keys]
    )


async def post(unit: Unit, journals: Sequence[Journal], *, refuse: Literal["all", "each"] = "all") -> list[Posted]:
    """Book journals in order; the answer has one `Posted` for each, in the same order.

    `refuse` "all": the first journal that is short raises and nothing is booked. "each": a journal that is short is
    left out, with its refusal as the answer, and those behind it are still decided. Booking a (kind, object) again is
    a no-op.
    Raises: InsufficientFunds. Writes: balances, journals, entries, locks; and house_balances at the unit's end.
    """
    if len(journals) > BLOCK:
        raise ValueError(f"at most {BLOCK} journals are posted at once")
    if not journals:
        return []
    books = _books(unit)
    await balances_for_update(
        unit, {Key(leg.owner_id, leg.asset) for j in journals for leg in j.legs if leg.owner_id is not None}
    )
    first_id, known = await _known(unit, journals)

    wanted: dict[tuple[str, UUID], Journal] = {}
    for journal in journals:
        if (journal.kind, journal.object_id) not in known:
            wanted.setdefault((journal.kind, journal.object_id), journal)
    fresh = list(wanted.values())
    done = apply(books.balances, fresh)
    if refuse == "all":
        for booked in done.booked:
            if isinstance(booked, InsufficientFunds):
                raise booked
    posted = await _write(unit, books, fresh, done, first_id, known)
    return [_answer(journal, posted, known) for journal in journals]


def _answer(journal: Journal, posted: dict[tuple[str, UUID], Posted], known: Mapping[tuple[str, UUID], int]) -> Posted:
    key = (journal.kind, journal.object_id)
    mine = posted.get(key)
    if mine is None:
        return Posted(journal, known[key], repeated=True)
    if mine.journal is not journal and mine.refused is None:
        return replace(mine, journal=journal, repeated=True)
    return mine


async def _known(unit: Unit, journals: Sequence[Journal]) -> tuple[int, dict[tuple[str, UUID], int]]:
    """A fresh block of ids, and the ids of journals that exist: of these keys and of the originals they reverse."""
    keys = [(journal.kind, journal.object_id) for journal in journals]
    keys += [journal.reverses for journal in journals if journal.reverses is not None]
    rows = await unit.rows(store.KNOWN_JOURNALS, unit.tenant_id, [k for k, _ in keys], [o for _, o in keys])
    known = {(row.kind, row.object_id): row.id for row in rows[1:] if row.object_id is not None}
    return rows[0].id, known


async def _write(
    unit: Unit,
    books: Books,
    fresh: Sequence[Journal],
    done: Applied,
    first_id: int,
    known: Mapping[tuple[str, UUID], int],
) -> dict[tuple[str, UUID], Posted]:
    """Write what was applied, each table with one statement."""
    posted: dict[tuple[str, UUID], Posted] = {}
    ids: dict[tuple[str, UUID], int] = dict(known)
    accepted: list[Posted] = []
    for journal, booked in zip(fresh, done.booked, strict=True):
        key = (journal.kind, journal.object_id)
        if isinstance(booked, InsufficientFunds):
            posted[key] = Posted(journal, None, refused=booked)
            continue
        ids[key] = first_id + len(accepted)
        posted[key] = Posted(journal, ids[key], booked)
        accepted.append(posted[key])
    if accepted:
        await _write_journals(unit, books, accepted, ids)
        await _write_balances(unit, books, done)
        await _write_locks(unit, books, done)
        for house, change in done.house.items():
            books.house[house] = books.house.get(house, ZERO) + change
    return posted


async def _write_journals(
    unit: Unit, books: Books, accepted: Sequence[Posted], ids: Mapping[tuple[str, UUID], int]
) -> None:
    """Journals with all their entries, lines counted from 1, in one statement: the database takes them whole."""
    originals: list[int | None] = []
    for mine in accepted:
        reverses = mine.journal.reverses
        if reverses is not None and reverses not in ids:
            raise LedgerFault(f"{mine.journal.kind} {mine.journal.object_id} reverses what was never booked")
        originals.append(None if reverses is None else ids[reverses])
    balances = books.balances
    legs = [leg for mine in accepted for leg in mine.entries]
    written = await unit.one(
        store.ADD_JOURNALS,
        unit.tenant_id,
        unit.now,
        [mine.id for mine in accepted],
        [mine.journal.kind for mine in accepted],
        [mine.journal.object_id for mine in accepted],
        originals,
        [mine.journal.booking_on for mine in accepted],
        [mine.journal.value_on for mine in accepted],
        [mine.id for mine in accepted for _ in mine.entries],
        [line for mine in accepted for line in range(1, len(mine.entries) + 1)],
        [leg.asset for leg in legs],
        [None if leg.owner_id is None else balances[Key(leg.owner_id, leg.asset)].id for leg in legs],
        [leg.bucket for leg in legs],
        numeric_array(leg.amount for leg in legs),
        [leg.detail for leg in legs],
    )
    if written != len(legs):
        raise LedgerFault(f"{len(legs)} entries were to be written, {written} were")


async def _write_balances(unit: Unit, books: Books, done: Applied) -> None:
    """One row update per touched balance. Its version counts units: a second posting of this unit keeps it."""
    changed: list[Balance] = []
    for key, figures in done.figures.items():
        old = books.balances[key]
        again = key in books.touched
        version = old.version if again else old.version + 1
        updated_at = old.updated_at if again else unit.moment_after(old.updated_at if old.version else None)
        changed.append(with_figures(old, figures, version, updated_at))
    if not changed:
        return
    written = await unit.run(
        store.UPDATE_BALANCES,
        unit.tenant_id,
        [balance.id for balance in changed],
        [balance.version for balance in changed],
        [balance.updated_at for balance in changed],
        *(numeric_array(column) for column in zip(*done.figures.values(), strict=True)),
    )
    if written != len(changed):
        raise LedgerFault(f"{len(changed)} balances were to change, {written} did")
    for balance in changed:
        books.balances[balance.key] = balance
        books.touched[balance.key] = None


async def _write_locks(unit: Unit, books: Books, done: Applied) -> None:
    """The rows that say whose lock is how large. A lock consumed beyond its amount is a fault, not a refusal."""
    for statement, sign in ((store.ADD_LOCKS, 1), (store.CONSUME_LOCKS, -1)):
        rows = [(owner, key, change) for (owner, key), change in done.locks.items() if change * sign > 0]
        if not rows:
            continue
        written = await unit.run(
            statement,
            unit.tenant_id,
            [owner for owner, _, _ in rows],
            [books.balances[key].id for _, key, _ in rows],
            numeric_array(change for _, _, change in rows),
        )
        if written != len(rows):
            raise LedgerFault(f"{len(rows)} locks were to change, {written} did: one is gone or smaller than its use")


async def locks_of(unit: Unit, object_ids: Sequence[UUID]) -> dict[UUID, Lock]:
    """What each of these orders still has locked; an order without a lock is left out."""
    return {lock.object_id: lock for lock in await unit.rows(store.OPEN_LOCKS, unit.tenant_id, object_ids)}


async def read_balances(unit: Unit, keys: Sequence[Key]) -> dict[Key, Balance]:
    """Balances as committed, without a lock; one that nothing was posted to is left out."""
    found = await unit.rows(
        store.READ_BALANCES, unit.tenant_id, [key.owner_id for key in keys], [key.asset for key in keys]
    )
    return {balance.key: balance for balance in found}


def touched(unit: Unit) -> list[Balance]:
    """Every balance this unit has posted to, in the order of first touch, as it stands now: what publishers tell."""
    books = _books(unit)
    return [books.balances[key] for key in books.touched]


async def write_house(unit: Unit) -> None:
    """Closer: one net change per house balance, in key order, after all else of the unit. Writes: house_balances.

    Why: every posting of a tenant meets these few rows; written last, they are held for the commit alone.
    """
    changes = sorted((key, change) for key, change in _books(unit).house.items() if change)
    if not changes:
        return
    await unit.run(
        store.ADD_TO_HOUSE,
        unit.tenant_id,
        [key.asset for key, _ in changes],
        [key.bucket for key, _ in changes],
        [key.detail for key, _ in changes],
        numeric_array(change for _, change in changes),
    )
    _books(unit).house.clear()
