"""What a feature declares once and many read: endpoints, events, sweeps, reactions.

Frozen data. The router, the OpenAPI description, the scope matrix, contract tests, the runner and the documentation
all read these from top to bottom; nothing is found by scanning.

Source: ARCHITECTURE.md "Said once, read by many".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Literal, LiteralString
from uuid import UUID

from pydantic import BaseModel

from openvest.core.contracts import Contract, ContractRules
from openvest.core.lifecycle import Lifecycle
from openvest.core.naming import Names
from openvest.core.records import record
from openvest.core.sealing import SealedColumn
from openvest.core.snapshots import Emitted, Json, Snapshot
from openvest.db.paging import Listing
from openvest.db.query import Query
from openvest.db.unit import Hook, Unit
from openvest.ports import Ports


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, as the token says."""

    tenant_id: UUID
    client_id: UUID
    client_name: str
    contract: Contract
    scopes: frozenset[str]
    licence: Literal["TOL", "BYOL"]
    strict_idempotency: bool = False


@record
class Call:
    """One request after all that is not business: checked path values, parsed query and body.

    `path` holds the path's parameters parsed by the endpoint's `path_types` (UUID by default); `query` and `body` are
    instances of the endpoint's models or None.
    """

    caller: Caller
    path: Mapping[str, Any]
    query: Any
    body: Any
    idempotency_key: UUID | None
    request_id: str
    cause: str = ""
    """What new ids of this call come from; a batch verb takes `unit.ids_for(call.cause)` instead of `unit.ids`."""
    item: int = 0
    """Position in the flush, for `unit.moment_after(last, call.item)`."""
    webhook_allow_list: frozenset[str] = frozenset()
    """As the settings of the server have it."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that differs from the endpoint's declared status or has its own headers or bytes."""

    body: Json
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Verb = Callable[[Unit, Call], Awaitable[Json | Response]]
Direct = Callable[[Any, Call], Awaitable[Json | Response]]
BatchVerb = Callable[[Unit, Sequence[Call]], Awaitable[Sequence[Json | Exception]]]


@dataclass(frozen=True, slots=True)
class PathValue:
    """How a path names an object that a UUID alone does not name.

    `parse` raises ValueError for what is none of the forms, which answers 404 (no such object) as a random id would.
    `description` says every form it takes; `patterns` are those forms. Without patterns it is described as a UUID, by
    a contract that knows no other form, although it takes one.
    """

    parse: Callable[[str], Any]
    description: str
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of one contract.

    Shape: `verb` handles one call in a unit of work and returns the JSON body (None: no body). `batch`, where given,
    takes a list of calls of one tenant and returns, in order, a JSON body or a Problem for each: such an endpoint goes
    through the group commit (a GET: through the coalesced reads) and has no other path.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    operation_id: str
    summary: str
    tag: str
    scopes: tuple[str, ...]
    answer: type[BaseModel] | None = None
    verb: Verb | None = None
    batch: BatchVerb | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    key_required: bool = False
    """The contract lists the idempotency key as required: 400 without. Elsewhere a key is ignored, unless the rules of
    the contract take one with every write."""
    errors: tuple[int, ...] = ()
    """Refusals beyond those every operation has (401, 403, 406, 429, 500, 503)."""
    writes: bool | None = None
    """None: everything but GET writes."""
    advances_clock: bool = True
    """False for writes that write no events (tokens, subscriptions): they hold no frozen clock and are not numbered."""
    path_types: Mapping[str, PathValue] = field(default_factory=dict[str, PathValue])
    """Path values that are not UUIDs."""
    sandbox_only: bool = False
    addition: bool = False
    """The reference of its contract does not have it: it is ours, and described as such."""
    form: bool = False
    """The body is application/x-www-form-urlencoded (the token request alone)."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    direct: Direct | None = None
    """Instead of a verb: gets what the composition root assembled and opens units of its own, as moving the clock must.
    An idempotency key is ignored."""

    @property
    def has_body(self) -> bool:
        """Whether its success has a body; one without is described so, and takes any `accept`."""
        return self.answer is not None and self.status != 204

    @property
    def is_write(self) -> bool:
        return self.method != "GET" if self.writes is None else self.writes

    def takes_key(self, rules: ContractRules) -> bool:
        """Whether an idempotency key is looked at."""
        optional = rules.key_optional and self.is_write and not self.form and self.direct is None
        return self.key_required or optional

    def demands_key(self, rules: ContractRules) -> bool:
        """Whether a request without an idempotency key is refused."""
        return self.key_required and not rules.key_optional


@dataclass(frozen=True, slots=True)
class Event:
    """One event type: its name and the kind of object whose snapshot it keeps. What a contract shows of that is the
    contract's own."""

    type: str
    noun: str

    @property
    def category(self) -> str:
        return self.type.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Representation:
    """How one contract shows one kind of object: the mapper from its snapshot, and the schema of what that makes."""

    mapper: Callable[[Snapshot], Json]
    schema: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Reaction:
    """Work that belongs to the same unit as an event of a feature below: runs before that unit commits."""

    event_type: str
    run: Callable[[Unit, Sequence[Emitted]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ClosingBlocker:
    """What a feature above `accounts` has under way, so that an account, or a group, must not be closed yet.

    `open` is what stands behind FROM to find it: it names the tenant $1, and the account `a.id` or the group `g.id`.
    """

    open: LiteralString
    of: Literal["account", "group"] = "account"


@dataclass(frozen=True, slots=True)
class LineTaker:
    """Who books what a bank tells. `take` gets lines of the inbox in the order of their instants, books those that are
    its own and returns the object each was booked on, by the line's id; the others go on.

    One that is `instructed` gets what answers the instructions whose `object_kind` is its name, and nothing else. The
    others are handed credits and debits that nobody instructed, from the top of the features down, each what is left.
    What nobody takes stands in suspense.
    """

    name: LiteralString
    take: Callable[[Unit, Sequence[Any]], Awaitable[Mapping[UUID, UUID]]]
    instructed: bool = False


class Phase(IntEnum):
    """Which work comes first of what is due at one instant; within a phase, the order of features and of their tables.

    Source: ORDER_MATHS.md section 5 (price, expiry, settlement).
    """

    CHECKS = 1
    """What is asked about people."""
    CUSTOMERS = 2
    """What changes people."""
    ACCOUNTS = 3
    """What opens and closes accounts."""
    MONEY = 4
    """What arrives and leaves by bank."""
    STREET = 5
    """What is asked of venues."""
    ORDERS = 6
    """Prices, then expiry."""
    SETTLEMENT = 7
    """What was traded changes hands."""
    NEWS = 8
    """News of shared data come last: an import is no request, so a frozen tenant's log must be the same whether it came
    before the work of the last request was drained or after."""
    BOOKS = 9
    """What the house does about its own money, when all else of the instant is done."""


CloserLook = Callable[[Unit], Awaitable[datetime | None]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Work that is due, in sets.

    `claim` takes the unit and a limit and returns rows that are due now, locked with SKIP LOCKED, in the order they are
    to be decided; each row has an `id`. `work` loads what it needs in sets, decides row by row and writes. `next_due`
    gives the earliest instant at which this tenant has work of this kind, in one row or none; it names the tenant $1
    and may name its now $2. The runner asks it of all works in one statement. Where SQL cannot tell, it finds what may
    be due, and the `closer_look` that follows decides. Both, and a claim, must leave out rows that were set aside
    (table `dead_letters`).
    """

    name: LiteralString
    claim: Callable[[Unit, int], Awaitable[Sequence[Any]]]
    work: Callable[[Unit, Sequence[Any]], Awaitable[int | None]]
    next_due: Query[datetime]
    phase: Phase
    writes_events: bool = True
    set_size: int = 500
    closer_look: CloserLook | None = None


@dataclass(frozen=True, slots=True)
class Outbound:
    """Work that talks to the outside: lease and commit, talk without a transaction, record with the lease token.

    `lease` marks up to N rows as leased and returns them; `call` gets the rows and the assembled ports; `record` writes
    what came back, for rows whose lease still holds. Rows have an `id`; one whose answer cannot be recorded is set
    aside, and a lease must leave out rows that were. `next_due` and
    `closer_look` are as in a sweep.
    """

    name: LiteralString
    lease: Callable[[Unit, int], Awaitable[Sequence[Any]]]
    call: Callable[[Ports, Sequence[Any]], Awaitable[Any]]
    record: Callable[[Unit, Sequence[Any], Any], Awaitable[None]]
    next_due: Query[datetime]
    phase: Phase
    writes_events: bool = True
    set_size: int = 500
    closer_look: CloserLook | None = None


class WorkKept(Exception):
    """What was set aside cannot be ended, or taken up again, in this way; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class DeadLetterKind:
    """What a row that was set aside by `sweep` is, and what its feature knows to do about it.

    `noun` names it for people. `open` is what stands behind FROM to find the row where it is still undone: it names the
    row `a.row_id` and the tenant $1. `drop` ends it for good (Raises: WorkKept); without it the row is only marked as
    dropped, which is for work that holds nothing. `again` does what the sweep does not do any more when the row is
    freed (Raises: WorkKept). `told` runs in the unit that sets the row aside and tells the customer where an answer is
    waited for.
    """

    sweep: LiteralString
    noun: str
    open: LiteralString
    drop: Callable[[Unit, UUID], Awaitable[None]] | None = None
    again: Callable[[Unit, UUID], Awaitable[None]] | None = None
    told: Callable[[Unit, UUID], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A law of the books. `sql` selects what breaks it, of the tenant $1; `law` is one sentence that is true of sound
    books."""

    name: str
    law: str
    sql: LiteralString


EventName = str | Callable[[Snapshot], str]
"""What a contract calls an event; where a fact of the object decides, a function of its snapshot. What that returns is
a Literal of its names, all of one category, so that they are known without an event."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a feature serves in one contract: its operations, and how its objects are shown there, by noun.

    `told` has the contract's own names of events by those of the domain; an event that is not in it has the domain's
    name. `untold` has the events that the contract does not have although it shows such objects, and why. `names` are
    the tables of its other words.
    """

    endpoints: Sequence[Endpoint] = ()
    representations: Mapping[str, Representation] = field(default_factory=dict[str, Representation])
    told: Mapping[str, EventName] = field(default_factory=dict[str, EventName])
    untold: Mapping[str, str] = field(default_factory=dict[str, str])
    names: Sequence[Names[Any, Any]] = ()


@dataclass(frozen=True, slots=True)
class Feature:
    """All that a feature declares. `catalog` lists features from bottom to top, and whoever reads goes over all.

    Shape: `name` is the folder's. `sweeps` is the work that becomes due, `dead_letters` what is done about a row of it
    that was set aside. `lifecycles` are its objects' lives, `tables` where they are kept, `sealed` the columns of those
    that hold values only sealed; `shared_tables` are equal for all tenants and read-only for whoever serves.
    `invariants` is what a proof of the books asks of them. `blockers` keep accounts and groups from being closed, and
    `closing` makes the sweeps that close them out of all features' blockers; in the same way `takers` book what a bank
    tells, and `booking` makes the sweep that hands it to them. `publishers` run at the end of a unit and may still emit
    events. `lists` are those that grow long, and are counted by marks.
    """

    name: str
    v1: Face = Face()
    lite: Face = Face()
    events: Sequence[Event] = ()
    sweeps: Sequence[Sweep | Outbound] = ()
    dead_letters: Sequence[DeadLetterKind] = ()
    reactions: Sequence[Reaction] = ()
    lifecycles: Sequence[Lifecycle] = ()
    invariants: Sequence[AuditQuery] = ()
    blockers: Sequence[ClosingBlocker] = ()
    closing: Callable[[Sequence[ClosingBlocker]], Sequence[Sweep]] | None = None
    takers: Sequence[LineTaker] = ()
    booking: Callable[[Sequence[LineTaker]], Sweep] | None = None
    publishers: Sequence[Hook] = ()
    lists: Sequence[Listing[Any]] = ()
    tables: Sequence[LiteralString] = ()
    shared_tables: Sequence[LiteralString] = ()
    sealed: Sequence[SealedColumn] = ()

    @property
    def faces(self) -> Mapping[Contract, Face]:
        return {"v1": self.v1, "lite": self.lite}
