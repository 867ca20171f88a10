"""One key, another request: everything that can differ, one at a time and together (R17)."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel

from openvest.core.problems import TYPE_BASE
from openvest.declarations import Contract, Endpoint
from tests.gates.gate import Run, Verdict
from tests.gates.keys_doors import Doors, doors
from tests.kit import footprint
from tests.kit.changed_bodies import both, canonical, changed_bodies
from tests.kit.contracts import TABLES, contract_of, each_of, label
from tests.kit.http import Api, make_apis
from tests.kit.operations import KEYED, Asked, different_ones
from tests.kit.raw import Heard, ask, signed_by
from tests.kit.world import make_tenant

_METHODS: Sequence[Literal["PUT", "PATCH", "POST", "DELETE"]] = ("PUT", "PATCH", "POST", "DELETE")
_CROWD = 6


def _twins() -> Mapping[str, Endpoint]:
    """The same operations under methods that nothing has at their paths: nothing but the method differs."""
    taken = {(contract, one.path, one.method) for contract, table in TABLES.items() for one in table}
    found: dict[str, Endpoint] = {}
    for endpoint in KEYED:
        contract, path = contract_of(endpoint), endpoint.path
        method = next(one for one in _METHODS if (contract, path, one) not in taken)
        taken.add((contract, path, method))
        found[label(endpoint)] = replace(endpoint, method=method, operation_id=f"{endpoint.operation_id}_twin")
    return found


TWINS = _twins()


def _with_twins(contract: Contract, table: Sequence[Endpoint]) -> Sequence[Endpoint]:
    return [*table, *(TWINS[label(endpoint)] for endpoint in KEYED if contract_of(endpoint) == contract)]


@dataclass(slots=True)
class Seen:
    """What came of all cases, by kind."""

    cases: Counter[str] = field(default_factory=Counter[str])
    findings: list[str] = field(default_factory=list[str])
    requests: Counter[Contract] = field(default_factory=Counter[Contract])

    def expect(self, kind: str, sound: bool, what: str, heard: Heard) -> None:
        self.cases[kind] += 1
        if not sound:
            self.findings.append(f"{what} ({kind}): {heard.status} {heard.content[:300]!r}")


async def matrix(run: Run) -> Verdict:
    """Every operation that takes a key, and every way in which a second request under its key can differ."""
    seen = Seen()
    async with doors({contract: _with_twins(contract, table) for contract, table in TABLES.items()}) as at:
        colleague = await make_apis(at.patient[0], at.database, at.tenant_id)
        stranger_id = await make_tenant(at.database, "Stranger", licence="TOL", pace="instant")
        stranger = await make_apis(at.patient[0], at.database, stranger_id)
        for api in (*colleague.every, *stranger.every):
            await api.fetch_token()
        paths = {label(e): (await different_ones(at.database, at.tenant_id, e, 1))[0] for e in KEYED}
        for endpoint in KEYED:
            own = await different_ones(at.database, at.tenant_id, endpoint, 3 + _CROWD)
            foreign = await different_ones(at.database, stranger_id, endpoint, 1)
            under = _Key(at, seen, endpoint, own[0], uuid4())
            await under.accept()
            before = await footprint.digests(at.eye)
            await under.replays()
            await under.other_bodies(run["fuzz"], run.chance(label(endpoint)))
            await under.other_paths(paths, own[1], run["others"], run.chance(f"{label(endpoint)} others"))
            await under.other_method()
            if await footprint.digests(at.eye) != before:
                seen.findings.append(f"{label(endpoint)}: a request under a used key had an effect")
            await under.of_others({"another client": (colleague, own[1]), "another tenant": (stranger, foreign[0])})
            await under.at_once(own[2], own[3:])
            await under.replays()
    refusals = sum(count for kind, count in seen.cases.items() if kind.startswith("changed"))
    if refusals < 24:
        seen.findings.append(f"only {refusals} changed requests: the matrix is not one")
    told = ", ".join(f"{count} {kind}" for kind, count in seen.cases.items())
    return Verdict(
        f"{seen.cases.total()} cases over {each_of(KEYED)} operations in {each_of(seen.requests)} requests: {told};"
        " what differs is named, without effect",
        seen.findings,
    )


@dataclass(slots=True)
class _Key:
    """A key in use, and what is tried under it."""

    at: Doors
    seen: Seen
    endpoint: Endpoint
    asked: Asked
    key: UUID
    first: Heard = field(default=Heard(0, (), b""), init=False)
    turn: int = field(default=0, init=False)

    @property
    def what(self) -> str:
        return label(self.endpoint)

    async def send(self, asked: Asked, *, api: Api | None = None, body: bytes | None = None) -> Heard:
        """At one instance after the other."""
        self.turn += 1
        self.seen.requests[contract_of(self.endpoint)] += 1
        app = self.at.patient[self.turn % 2]
        return await ask(app, await signed_by(api or self.at.api, asked, self.key, body))

    async def accept(self) -> None:
        self.first = await self.send(self.asked)
        assert 200 <= self.first.status < 300, f"{self.what}: {self.first.status} {self.first.content!r}"

    async def replays(self) -> None:
        """The same request, in other bytes too, is answered with the same bytes."""
        for body in (None, canonical(self.asked.body)) if self.asked.body is not None else (None,):
            heard = await self.send(self.asked, body=body)
            same = (heard.status, heard.content) == (self.first.status, self.first.content)
            self.seen.expect("equal", same, self.what, heard)

    async def other_bodies(self, fuzz: int, chance: Random) -> None:
        """Each field changed, each left out, and random sets of these changes."""
        if self.endpoint.body is None:
            return
        model: type[BaseModel] = self.endpoint.body
        ones, missed = changed_bodies(model, self.asked.body)
        self.seen.findings += [f"{self.what}: no other value was found for the field {name}" for name in missed]
        for one in ones:
            await self._refused("changed fields", replace(self.asked, body=one.body), _fields(one.names))
        for _ in range(fuzz if len(ones) > 1 else 0):
            more = both(model, self.asked.body, chance.sample(ones, chance.randint(2, min(len(ones), 6))))
            if more is not None:
                await self._refused("changed sets of fields", replace(self.asked, body=more.body), _fields(more.names))

    async def other_paths(self, paths: Mapping[str, Asked], same_operation: Asked, most: int, chance: Random) -> None:
        """At most so many other operations of the client's contract; where the path names an object, the same one on
        another."""
        mine = {name: asked for name, asked in paths.items() if asked.contract == self.asked.contract}
        others = [asked for name, asked in mine.items() if name != self.what]
        others = chance.sample(others, min(most, len(others)))
        for asked in [*others, *([same_operation] if same_operation.target != self.asked.target else [])]:
            same = asked.method == self.asked.method
            differs = f"its path ({self.asked.target})" if same else f"its method ({self.asked.method})"
            await self._refused("changed paths", asked, differs)

    async def other_method(self) -> None:
        twin = replace(self.asked, method=TWINS[self.what].method)
        await self._refused("changed methods", twin, f"its method ({self.asked.method})")

    async def _refused(self, kind: str, asked: Asked, differs: str) -> None:
        heard = await self.send(asked)
        self.seen.expect(kind, _names(heard, differs), f"{self.what}, {asked.method} {asked.target} {differs}", heard)

    async def of_others(self, others: Mapping[str, tuple[Api, Asked]]) -> None:
        """The key of somebody else is a key of its own: for the very same request and, if that does not work for them,
        for one that does."""
        for kind, (api, works) in others.items():
            for asked in (self.asked, works):
                before = await footprint.digests(self.at.eye)
                heard = await self.send(asked, api=api)
                after = await footprint.digests(self.at.eye)
                changed = {table for table in after if after[table] != before[table]}
                if heard.status < 300:
                    # Setting what is set already may change nothing but the row of the key, and show the same again.
                    sound = "idempotency" in changed and (len(changed) > 1 or asked.method == "PATCH")
                else:
                    silent = heard.status < 500 and b"idempotency key" not in heard.content
                    sound = silent and asked is self.asked and not changed
                self.seen.expect(f"of {kind}", sound, f"{self.what} {sorted(changed)}", heard)
                if heard.status < 300:
                    break

    async def at_once(self, alone: Asked, ones: Sequence[Asked]) -> None:
        """Different requests under one new key at the same time: one works, the others are told."""
        usual, _ = await self._effect([alone])
        grown, heard = await self._effect(ones)
        for one in heard:
            if one.status >= 300:
                self.seen.expect("changed at once", one.status in (409, 422) and _is_problem(one), self.what, one)
        accepted = sum(one.status < 300 for one in heard)
        self.seen.expect("accepted once", accepted == 1, f"{self.what}: {accepted} of {len(heard)} accepted", heard[0])
        self.seen.expect("the one of them", grown == usual, f"{self.what}: {grown} instead of {usual}", heard[0])

    async def _effect(self, ones: Sequence[Asked]) -> tuple[Mapping[str, int], Sequence[Heard]]:
        """What comes of these under one new key, sent at once to both instances in turn."""
        key = uuid4()
        messages = [await signed_by(self.at.api, asked, key) for asked in ones]
        before = await footprint.rows(self.at.eye)
        heard = await asyncio.gather(*(ask(self.at.patient[n % 2], message) for n, message in enumerate(messages)))
        return footprint.grown(before, await footprint.rows(self.at.eye)), heard


def _fields(names: frozenset[str]) -> str:
    return f"its fields {', '.join(sorted(names))}"


def _is_problem(heard: Heard) -> bool:
    kind = {409: "conflict", 422: "unprocessable_entity"}.get(heard.status)
    document: Any = json.loads(heard.content)
    return document["type"] == f"{TYPE_BASE}{kind}" and "idempotency key" in document["detail"]


def _names(heard: Heard, differs: str) -> bool:
    """Whether the refusal is the documented one and names exactly what differs."""
    if heard.status != 422 or not _is_problem(heard):
        return False
    found = re.search(r"which differs in (.+)\.$", json.loads(heard.content)["detail"])
    return found is not None and found[1] == differs
