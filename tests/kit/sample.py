"""What the tests know of one feature beside what it declares: its `SAMPLE`, in `tests/features/<name>/sample.py`.

Whoever goes through all operations, all work or all tables reads this. A field that a feature has nothing to say about
is left out; one that it must have and lacks is told by `tests/kit/samples.py`, in a sentence that says what to write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from openvest.core.contracts import Contract
from openvest.db.unit import Database, Unit
from openvest.main import Assembled
from tests.kit.contracts import FIRST
from tests.kit.http import Api

if TYPE_CHECKING:
    from tests.gates.pauses import Field

AT_ONCE = 250
"""How many objects are made in one unit of work."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request before it is signed."""

    method: str
    target: str
    body: Any = None
    contract: Contract = FIRST

    @property
    def content(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body).encode()

    def also(self, **fields: Any) -> Asked:
        """The same request whose body says this, too."""
        return replace(self, body=self.body | fields)


@dataclass(frozen=True, slots=True)
class Life:
    """A tenant that lives, a client of it with every scope, and the ids of its objects by their path parameter."""

    world: Assembled
    api: Api
    tenant_id: UUID
    ids: dict[str, str]

    def of(self, contract: Contract) -> Life:
        """The same life, whose client speaks this contract."""
        return replace(self, api=self.api.speaking(contract))

    async def send(self, method: str, at: str, body: Any = None) -> Any:
        """The answer's document. Raises: AssertionError where the answer is a no."""
        answer = await self.api.send(method, at, body, key=uuid4())
        assert answer.status_code < 300, f"{method} {at}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def get(self, at: str) -> Any:
        return await self.send("GET", at)

    async def post(self, at: str, body: Any = None) -> Any:
        return await self.send("POST", at, body)

    async def write(self, work: Callable[[Unit], Awaitable[Any]]) -> Any:
        return await self.world.database.write(self.tenant_id, work)

    async def write_many(self, work: Callable[[Unit, int], Awaitable[object]], count: int) -> None:
        """So many objects, by number, in units of a bearable size."""

        async def some(unit: Unit, numbers: range) -> None:
            for number in numbers:
                await work(unit, number)

        for first in range(0, count, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, count))
            await self.world.database.write(self.tenant_id, lambda unit, n=numbers: some(unit, n))

    async def now(self) -> datetime:
        async def work(unit: Unit) -> datetime:
            return unit.now

        return await self.world.database.read(self.tenant_id, work)

    async def rest(self) -> None:
        """All work that is due is done."""
        await self.world.runner.drain(self.tenant_id)


def filled(body: Any, ids: Mapping[str, str]) -> Any:
    """The body with the ids it names in braces. Raises: KeyError."""
    return json.loads(re.sub(r'"\{(\w+)\}"', lambda hit: f'"{ids[hit[1]]}"', json.dumps(body)))


Step = Callable[[Life], Awaitable[None]]
Objects = Callable[[Life], Awaitable[Mapping[str, str]]]
Many = Callable[[Life, int], Awaitable[None]]
Ask = Callable[[Mapping[str, str]], Asked]
Make = Callable[[Database, UUID, Ask, int], Awaitable[Sequence[Asked]]]
"""So many requests of an operation, each with an effect of its own; `Ask` makes the usual one about these ids."""
Occasion = Callable[["Field", int], Awaitable[None]]
"""Makes some work due at a running installation, the n-th time."""


async def an_order(field: Field, number: int) -> None:
    """What most work comes of."""
    await field.order(number, "order")


@dataclass(frozen=True, slots=True)
class Sample:
    """The facts of one feature that tests need and no declaration says.

    Shape: operations are written `POST /gifts`, which counts in both contracts, or `lite POST /gifts`; places of
    operations `POST /gifts body giver_id`, `… query from`. Braces in a body stand for the id of an object by the name
    of its path parameter. A mapping of exceptions says of each why it is one.
    """

    # What is sent

    bodies: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """A body that fits, for each operation that takes one; that of a token is made by the client that asks for it."""
    constants: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path parameters that name nothing of a tenant, and a value for each."""
    makers: Mapping[str, Make] = field(default_factory=dict[str, Make])
    """How many different ones are asked, for each operation that takes a key."""

    # A life

    objects: Objects | None = None
    """Makes one object of each kind in a life that has those of the features below. Returns their ids, by the name of
    their path parameter; one that a contract has for itself is called `lite webhook_id`."""
    lived: Step | None = None
    """What else is done in a whole life, frozen and at rest: answers, states and rows that one object of each kind,
    asked everything, does not come to."""
    many: Many | None = None
    """Makes about so many rows for each list, of the objects that the life has."""

    # Places of ids

    names: Objects | None = None
    """Texts that name the life's objects, by what `references` calls them."""
    references: Mapping[str, str] = field(default_factory=dict[str, str])
    """Texts that name an object of a tenant though no schema says so: the last part of the place, which of `names`."""
    texts: frozenset[str] = frozenset()
    """Texts that name nothing of a tenant, by the last part of the place: what persons are called, amounts, codes."""
    no_names: frozenset[str] = frozenset()
    """Free texts of bodies that are judged where they are used, or are the client's own and shown to it alone."""
    whose: Mapping[str, str] = field(default_factory=dict[str, str])
    """Whose id is put where the last part of the place is no object's name; and at a place, where it is another's."""
    of_tenant: frozenset[str] = frozenset()
    """Objects that belong to no customer, by their path parameter: whoever names one, it is the right one."""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """What else a body is to have so that an id fits at this place; None takes a field away."""
    takes_any: Mapping[str, str] = field(default_factory=dict[str, str])
    """Places where any id is taken and shows nothing: they are answered the same for every id."""

    # Operations and answers

    unkeyed: Mapping[str, str] = field(default_factory=dict[str, str])
    """POSTs without a required key: two of the same do no harm. Money never moves by one of these."""
    not_asked: Mapping[str, str] = field(default_factory=dict[str, str])
    """Operations that cannot be answered with a yes in a life."""
    whole: Mapping[str, str] = field(default_factory=dict[str, str])
    """Lists of objects without pages, `GET /gifts/{gift_id} givers`: they stay short."""
    dated: Mapping[str, str] = field(default_factory=dict[str, str])
    """Reads whose answers say another instant every time they are asked."""
    open_maps: frozenset[str] = frozenset()
    """Objects of answers whose names are another's, `Schema.field`."""
    shown_once: frozenset[str] = frozenset()
    """Fields of answers that show a secret, to whom it is made for, `Schema.field`."""
    personal: Sequence[str] = ()
    """Texts that the bodies above say of people; in no log line."""
    published: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tables that have in clear what also stands sealed elsewhere, because the contract has events show it."""
    others: Sequence[str] = ()
    """Texts that the bodies above say of somebody else; in no log line, and in no answer either."""

    # Work

    occasions: Mapping[str, Occasion] = field(default_factory=dict[str, Occasion])
    """What makes each work due at a running installation."""
    never_stopped: Mapping[str, str] = field(default_factory=dict[str, str])
    """Work without such an occasion."""
    never_due: Mapping[str, str] = field(default_factory=dict[str, str])
    """Work that no life of a tenant makes due, and where it is tried."""

    # Tables

    untold: Mapping[str, str] = field(default_factory=dict[str, str])
    """Lifecycles, `table.column`, whose changes have no event of their own."""
    without_life: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns called status, `table.column`, that have no lifecycle."""
    no_rows: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tables in which one object of each kind leaves no row."""
    made_with_tenant: Sequence[str] = ()
    """Tables whose rows the owner makes with their tenant; the application role inserts none."""
    refused_changes: Sequence[str] = ()
    """A table, then a change of the own tenant's rows, that a CHECK refuses."""
    sound: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """What else a row must have so that the other end of this foreign key is the only thing wrong with it."""
