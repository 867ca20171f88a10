"""Packages: runs of consecutive wanted events as the bytes of one webhook request.

Reading is shared: one reader per look, however many subscriptions look at it, and each event is written as JSON once.
Choosing goes by number; inside a package events stand by `created_at`, then number.

Source: DOMAIN.md section 3; reference (webhooks).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from openvest.core.clock import instant
from openvest.core.contracts import RULES
from openvest.core.snapshots import dumps
from openvest.db.faults import is_passing
from openvest.db.query import Statement
from openvest.db.unit import Unit
from openvest.declarations import Contract
from openvest.events.log import LoggedEvent, events_after
from openvest.events.telling import Telling, Tellings

ALL = "ALL"
CHUNK = 500
LOOK_LIMIT = 5_000
"""How many events one look at a subscription reads at most; what is collected by then is packed."""

_HEAD, _TAIL = b'{"payload":[', b"]}"
_ADD_DEAD_LETTER = Statement(
    "insert into dead_letters (tenant_id, sweep, row_id, error, created_at)"
    " values ($1, 'webhooks.pack', $2, $3, $4) on conflict do nothing"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a package, as JSON."""

    sequence: int
    created_at: datetime
    text: bytes


@dataclass(slots=True)
class Run:
    """What a look collected. `full`: no further event fits, so there is nothing to wait for."""

    items: list[Item] = field(default_factory=list[Item])
    size: int = len(_HEAD) + len(_TAIL)
    scanned_to: int = 0
    full: bool = False

    def add(self, item: Item, max_size: int) -> bool:
        """Take the event in, unless it would make the package too large; one alone always fits."""
        size = self.size + len(item.text) + (1 if self.items else 0)
        if self.items and size > max_size:
            self.full = True
            return False
        self.items.append(item)
        self.size = size
        self.full = size >= max_size
        return True

    @property
    def body(self) -> bytes:
        ordered = sorted(self.items, key=lambda item: (item.created_at, item.sequence))
        return _HEAD + b",".join(item.text for item in ordered) + _TAIL


def wants(types: Collection[str], excluded: Collection[str], category: str) -> bool:
    """Whether a subscription hears of a category of its contract. `excluded` counts only where all are wanted."""
    if ALL in types:
        return category not in excluded
    return category in types


def envelope(
    contract: Contract, event_id: UUID, created_at: datetime, name: str, shown: object, webhook_id: UUID
) -> bytes:
    """One event as it is delivered to a subscription of this contract."""
    return _opening(contract, event_id, created_at, name, shown) + _closing(webhook_id)


def package_of(items: Sequence[bytes]) -> bytes:
    """A request's body of finished events."""
    return _HEAD + b",".join(items) + _TAIL


def _opening(contract: Contract, event_id: UUID, created_at: datetime, name: str, shown: object) -> bytes:
    document = {
        "id": str(event_id),
        "created_at": instant(created_at),
        RULES[contract].event_name_key: name,
        "object": shown,
    }
    return dumps(document)[:-1].encode()


def _closing(webhook_id: UUID) -> bytes:
    return f',"webhook_id":"{webhook_id}"}}'.encode()


class EventReader:
    """The numbered events of one tenant, read forward in chunks.

    Looks come in ascending order of where they start; what lies before the present one is forgotten. Numbers have no
    gap, so an event's place follows from its number.
    """

    def __init__(self, unit: Unit, told: Mapping[Contract, Tellings]) -> None:
        self.told = told
        self._unit = unit
        self._events: list[LoggedEvent] = []
        self._openings: dict[tuple[int, Contract], bytes | None] = {}

    async def after(self, sequence: int) -> Sequence[LoggedEvent]:
        """The next events above this number, at most a chunk; none at the end of the news."""
        if not self._events or not self._events[0].sequence <= sequence + 1 <= self._events[-1].sequence:
            chunk = await events_after(self._unit, sequence, CHUNK)
            if not chunk:
                return ()
            joins = bool(self._events) and self._events[-1].sequence == sequence
            self._events = self._events + chunk if joins else chunk
        start = sequence + 1 - self._events[0].sequence
        return self._events[start : start + CHUNK]

    def forget_before(self, sequence: int) -> None:
        if self._events and self._events[0].sequence <= sequence:
            del self._events[: sequence + 1 - self._events[0].sequence]
            self._openings = {key: text for key, text in self._openings.items() if key[0] > sequence}

    async def item(self, event: LoggedEvent, contract: Contract, telling: Telling, webhook_id: UUID) -> Item | None:
        """The event as this contract tells it.

        One that cannot be shown is set aside and left out: it would otherwise block every subscription for good.
        """
        key = (event.sequence, contract)
        if key not in self._openings:
            self._openings[key] = await self._open(event, contract, telling)
        opening = self._openings[key]
        return None if opening is None else Item(event.sequence, event.created_at, opening + _closing(webhook_id))

    async def _open(self, event: LoggedEvent, contract: Contract, telling: Telling) -> bytes | None:
        try:
            name, shown = telling.name_of(event.snapshot), telling.shown.mapper(event.snapshot)
            return _opening(contract, event.id, event.created_at, name, shown)
        except Exception as error:
            if is_passing(error):
                raise
            text = f"{type(error).__name__}: {error}"[:2_000]
            await self._unit.run(_ADD_DEAD_LETTER, self._unit.tenant_id, event.id, text, self._unit.now)
            return None


async def collect(
    reader: EventReader,
    after: int,
    *,
    contract: Contract,
    webhook_id: UUID,
    types: Collection[str],
    excluded: Collection[str],
    max_size: int,
) -> Run:
    """The run of wanted events above a number, up to the end of the news, a full package or the limit of a look.

    `types` and `excluded` are categories of the contract's own names.
    """
    run, told = Run(scanned_to=after), reader.told[contract]
    while not run.full:
        chunk = await reader.after(run.scanned_to)
        if not chunk:
            break
        for event in chunk:
            telling = told.get(event.type)
            if telling is not None and wants(types, excluded, telling.category):
                item = await reader.item(event, contract, telling, webhook_id)
                if item is not None and not run.add(item, max_size):
                    break
            run.scanned_to = event.sequence
            if run.full:
                break
        if run.scanned_to - after >= LOOK_LIMIT:
            run.full = bool(run.items)
            break
    return run
