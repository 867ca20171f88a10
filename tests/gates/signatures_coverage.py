"""What a signature must cover: every subset of what it can cover, and only those that hold all that is required (R31).

What is required is written down here from the protocol, not read from the program.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final
from uuid import uuid4

from openvest.core.http_signatures import body_digest
from openvest.declarations import Endpoint
from tests.gates.gate import Run, Verdict
from tests.gates.signatures_ground import PLAIN, VERSIONS, Court, courts, serves
from tests.kit import footprint
from tests.kit.contracts import TABLES, address, label
from tests.kit.forgery import Draft
from tests.kit.raw import Heard, ask

COVERABLE: Final = (
    "method", "path", "query", "authorization", "content-digest", "content-type and length", "idempotency-key",
    "client id",
)  # fmt: skip
_TYPICAL: Final = ("GET /users/{user_id}", "GET /users", "POST /users", "POST /auth/token")
"""One of each shape: without a query, with one, with a body, and the request that names no caller."""


@dataclass(slots=True)
class Tally:
    """What was asked and what came of it."""

    accepted: int = 0
    refused: int = 0
    answers: set[bytes] = field(default_factory=set[bytes])
    findings: list[str] = field(default_factory=list[str])

    def count(self, heard: Heard, wanted: bool, what: str) -> None:
        if wanted:
            self.accepted += 1
            if heard.status in (401, 403) or heard.status >= 500:
                self.findings.append(f"{what}: covers all that is required: {heard.status} {heard.content[:200]!r}")
        else:
            self.refused += 1
            self.answers.add(heard.common)
            if heard.status != 401:
                self.findings.append(f"{what}: covers too little: {heard.status} {heard.content[:200]!r}")


async def coverage(run: Run) -> Verdict:
    """All subsets of the coverable components, for operations of every shape, versions and clients of both kinds."""
    chosen = [(contract, one) for contract in TABLES for one in _chosen(TABLES[contract], run["operations"])]
    tally = Tally()
    async with courts() as every:
        at_of = {at.contract: at for at in every}
        chance = run.chance("order of components")
        for (contract, endpoint), strict, version in itertools.product(chosen, (False, True), VERSIONS):
            at = at_of[contract]
            draft = _all_of_it(at.draft(endpoint, version, "Ed25519", chance, strict=strict))
            what = f"{label(endpoint)} v{version} {'strict' if strict else 'normal'}"
            await _subsets(at, draft, required(draft, endpoint, strict=strict), tally, what, chance)
    if len(tally.answers) != 1:
        tally.findings.append(f"refusals differ: {sorted(tally.answers)[:3]}")
    return Verdict(
        f"{tally.accepted + tally.refused} signatures over all {2 ** len(COVERABLE)} subsets of {len(COVERABLE)}"
        f" components ({len(chosen)} operations, both versions, normal and strict clients): {tally.accepted} supersets"
        f" of what is required pass, {tally.refused} are refused without effect",
        tally.findings,
    )


def _chosen(table: Sequence[Endpoint], most: int) -> Sequence[Endpoint]:
    """So many operations of a contract: those that are typical first, then one of each further shape."""
    typical = [one for one in table if address(one) in _TYPICAL]
    shapes = {_shape(one): one for one in reversed(table)}
    other = [one for shape, one in shapes.items() if shape not in {_shape(known) for known in typical}]
    rest = [one for one in table if not any(one is known for known in (*typical, *other))]
    return [*typical, *other, *rest][:most]


def _shape(endpoint: Endpoint) -> tuple[bool, bool, bool]:
    return endpoint.form, endpoint.query is not None, endpoint.body is not None


def required(draft: Draft, endpoint: Endpoint, *, strict: bool) -> frozenset[str]:
    """Source: reference (protocol); CONTRACTS.md rule 7."""
    names = {"method", "path"}
    if draft.query:
        names.add("query")
    if not endpoint.form:
        names |= {"authorization", "client id"} | ({"idempotency-key"} if strict else set())
    if draft.body:
        names |= {"content-digest", "content-type and length"}
    return frozenset(names)


def _all_of_it(draft: Draft) -> Draft:
    """The same request, sending everything that can be covered: a request without a body says so."""
    headers = {b"idempotency-key": str(uuid4()).encode(), **draft.headers}
    if not draft.body:
        headers |= {b"content-type": b"application/json", b"content-length": b"0"}
        if draft.version == 6:
            headers[b"digest"] = body_digest(6, b"")
    return replace(draft, headers=headers)


def _names(draft: Draft, subset: Sequence[str], chance: Random) -> list[bytes]:
    """What is covered, in any order; `accept` always is."""
    of = {
        "method": [b"@method"],
        "path": [b"@path"],
        "query": [b"@query"],
        "authorization": [b"authorization"],
        "content-digest": [draft.digest],
        "content-type and length": [b"content-type", b"content-length"],
        "idempotency-key": [b"idempotency-key"],
        "client id": [b"upvest-client-id"],
    }
    names = [b"accept", *(name for part in subset for name in of[part])]
    chance.shuffle(names)
    return names


def _sent(draft: Draft, names: Sequence[bytes]) -> bool:
    """Whether all that is covered is there: what was not sent cannot be covered."""
    return all(name[:1] == b"@" or name in draft.headers for name in names)


def _every_subset() -> Iterator[tuple[str, ...]]:
    for size in range(len(COVERABLE) + 1):
        yield from itertools.combinations(COVERABLE, size)


async def _subsets(at: Court, draft: Draft, needed: frozenset[str], tally: Tally, what: str, chance: Random) -> None:
    """Those that must be refused first, between two looks at the database."""
    before = await footprint.digests(at.eye, but=frozenset())
    right: list[tuple[str, Draft]] = []
    for subset in _every_subset():
        names = _names(draft, subset, chance)
        one = replace(draft, names=names, nonce=str(uuid4()))
        shown = f"{what}, {' + '.join(subset) or 'nothing'}"
        if needed <= set(subset) and _sent(draft, names):
            right.append((shown, one))
        else:
            message = one.sign()
            told = await ask(at.app, message)
            if told.status != 401 or f'"{PLAIN}: '.encode() not in told.content:
                tally.findings.append(f"{shown}: a sandbox answers {told.status} {told.content[:200]!r}")
            if serves(at.production, message):
                tally.count(await ask(at.production, message), False, shown)
    after = await footprint.digests(at.eye, but=frozenset())
    if changed := [table for table in after if after[table] != before[table]]:
        tally.findings.append(f"{what}: refused requests changed {', '.join(changed)}")
    for shown, one in right:
        tally.count(await ask(at.app, one.sign()), True, shown)
