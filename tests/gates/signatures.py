"""Signatures tampered with (R30), signatures that cover too little (R31), credentials that ended (R33).

What is refused is asked of a sandbox, which says why, and of production, which says the same for all of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from uuid import uuid4

from openvest.core.http_signatures import SignatureRefused, SignatureVersion, SignedMessage
from openvest.core.problems import TYPE_BASE
from openvest.declarations import Endpoint
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.signatures_coverage import coverage
from tests.gates.signatures_ended import ended
from tests.gates.signatures_ground import KINDS, PLAIN, VERSIONS, Court, courts, serves, spend_nonce
from tests.gates.tampering import edits, unsigned
from tests.gates.tampering_signed import Hands, bends, good_ones
from tests.kit import footprint
from tests.kit.contracts import SERVED, TABLES, each_of, label
from tests.kit.forgery import Draft
from tests.kit.http import WIRE
from tests.kit.raw import Heard, ask
from tests.kit.signed_messages import accept
from tests.unit.test_http_signatures import MUTATIONS

_TOGETHER = 16
"""Operations between two looks at the whole database."""


@dataclass(slots=True)
class Trial:
    """What came of one version with one kind of key.

    `tried` and `good` count by kind of alteration; `answers` are those of production, `reasons` what a sandbox said.
    """

    version: SignatureVersion
    kind: str
    tried: Counter[str] = field(default_factory=Counter[str])
    good: Counter[str] = field(default_factory=Counter[str])
    operations: set[str] = field(default_factory=set[str])
    answers: Counter[bytes] = field(default_factory=Counter[bytes])
    reasons: set[str] = field(default_factory=set[str])
    findings: list[str] = field(default_factory=list[str])

    def refused(self, name: str, endpoint: Endpoint, heard: Heard, what: str = "") -> None:
        """An altered request was answered."""
        self.tried[name] += 1
        self.operations.add(label(endpoint))
        if heard.status != 401:
            self.findings.append(f"{self} {label(endpoint)}: {name} {what}: {heard.status} {heard.content[:200]!r}")
            return
        said: dict[str, str] = json.loads(heard.content)
        plain, _, reason = said["detail"].partition(": ")
        self.reasons.add(reason)
        if said["type"] != f"{TYPE_BASE}unauthorised" or plain != PLAIN or not reason:
            self.findings.append(f"{self} {label(endpoint)}: {name} {what}: says no reason: {heard.content[:300]!r}")

    def silent(self, name: str, endpoint: Endpoint, heard: Heard) -> None:
        """Production answered the same request."""
        self.answers[heard.common] += 1
        if heard.status != 401:
            self.findings.append(f"{self} {label(endpoint)}: {name} in production: {heard.status}")

    def passed(self, name: str, endpoint: Endpoint, heard: Heard) -> None:
        """A request that is right was answered, as its content deserves."""
        self.good[name] += 1
        if heard.status in (401, 403) or heard.status >= 500:
            self.findings.append(f"{self} {label(endpoint)}: good: {name}: {heard.status} {heard.content[:200]!r}")

    def __str__(self) -> str:
        return f"v{self.version} {self.kind}"


async def tampering(run: Run) -> Verdict:
    """Alterations of every kind against every operation in rotation, for both versions and both kinds of keys."""
    async with courts() as every:
        trials = [Trial(version, kind) for version in VERSIONS for kind in KINDS]
        for trial in trials:
            chance = run.chance(str(trial))
            for at in every:
                await _tried(at, trial, run, chance)
    findings = [finding for trial in trials for finding in trial.findings]
    answers = {answer for trial in trials for answer in trial.answers}
    if len(answers) != 1 or f'"{PLAIN}."'.encode() not in next(iter(answers)):
        findings.append(f"refusals of production differ: {sorted(answers)[:3]}")
    reasons = {reason for trial in trials for reason in trial.reasons}
    secrets = [text for at in every for text in at.secrets]
    findings += [f"a reason shows a secret: {one[:200]}" for one in reasons if any(text in one for text in secrets)]
    for trial in trials:
        count = trial.tried.total()
        if count < 600 or len(trial.operations) != len(SERVED):
            findings.append(f"{trial}: {count} cases over {len(trial.operations)} operations are no matrix")
    vectors = _vectors(run["vectors"], run.chance("vectors"), findings)
    counts = ", ".join(f"{trial} {trial.tried.total()}" for trial in trials)
    kinds, good_kinds = ({name for one in many for name in one} for many in _counted(trials))
    good = sum(trial.good.total() for trial in trials)
    return Verdict(
        f"altered: {counts} ({len(kinds)} kinds, {each_of(SERVED)} operations), all 401, one answer of"
        f" production and {len(reasons)} reasons of a sandbox, no effect;"
        f" {good} good ones of {len(good_kinds)} kinds pass; {vectors} of {_MUTATED} one-byte changes of the recorded"
        " requests refused",
        findings,
    )


def _counted(trials: Sequence[Trial]) -> tuple[list[Counter[str]], list[Counter[str]]]:
    return [trial.tried for trial in trials], [trial.good for trial in trials]


async def _tried(at: Court, trial: Trial, run: Run, chance: Random) -> None:
    table = TABLES[at.contract]
    for start in range(0, len(table), _TOGETHER):
        some = table[start : start + _TOGETHER]
        hands = await spend_nonce(at, trial.kind)
        before = await footprint.digests(at.eye, but=frozenset())
        drafts: list[tuple[Endpoint, Draft]] = []
        for endpoint in some:
            draft = at.draft(endpoint, trial.version, trial.kind, chance)
            drafts.append((endpoint, draft))
            await _altered(at, trial, endpoint, draft, hands, run, chance)
        after = await footprint.digests(at.eye, but=frozenset())
        if changed := [table for table in after if after[table] != before[table]]:
            trial.findings.append(f"{trial}: refused requests changed {', '.join(changed)}")
        for endpoint, draft in drafts:
            await _right(at, trial, endpoint, draft, run["good"])


async def _altered(
    at: Court, trial: Trial, endpoint: Endpoint, draft: Draft, hands: Hands, run: Run, chance: Random
) -> None:
    """The kinds tried least so far that this request can suffer, alone; and some of them together."""
    message, others = draft.sign(), at.others(draft, endpoint)
    wrong = dict(bends(draft, hands, int(WIRE.now_seconds())))
    needed = at.api.signs
    made = {name: edit for name, edit in edits(draft, others, needed=needed)}
    for name in _rarest([*wrong, *made], trial.tried, run["kinds"], chance):
        altered = wrong[name](draft).sign() if name in wrong else made[name](message)
        # What leaves the message as it was has altered nothing.
        if altered != message:
            await _refused(at, trial, endpoint, name, altered)
    for _ in range(run["together"]):
        first, second = chance.sample(list(wrong), 2)
        bent = wrong[second](wrong[first](draft))
        name, edit = chance.choice(list(edits(bent, others, needed=needed)))
        what = f"{first}; {second}; {name}"
        await _refused(at, trial, endpoint, "together", edit(bent.sign()), what)


async def _refused(
    at: Court, trial: Trial, endpoint: Endpoint, name: str, message: SignedMessage, what: str = ""
) -> None:
    trial.refused(name, endpoint, await ask(at.app, message), what)
    if serves(at.production, message):
        trial.silent(name, endpoint, await ask(at.production, message))


async def _right(at: Court, trial: Trial, endpoint: Endpoint, draft: Draft, most: int) -> None:
    """The untouched request passes after all that was tried with its nonce, and only once; so does what looks odd."""
    message = draft.sign()
    trial.passed("as it is", endpoint, await ask(at.app, message))
    await _refused(at, trial, endpoint, "sent again", message)
    if not at.api.signs:
        trial.passed("without a signature", endpoint, await ask(at.app, unsigned(message)))
    kinds = {name: (bend, edit) for name, bend, edit in good_ones(draft, int(WIRE.now_seconds()))}
    for name in _rarest(list(kinds), trial.good, most, Random(0)):
        bend, edit = kinds[name]
        fresh = bend(replace(draft, nonce=str(uuid4())))
        trial.passed(name, endpoint, await ask(at.app, edit(fresh.sign())))


def _rarest(names: Sequence[str], tried: Counter[str], most: int, chance: Random) -> list[str]:
    return sorted(names, key=lambda name: (tried[name], chance.random()))[:most]


_MUTATED = sum(len(changed) for _, _, changed in MUTATIONS)


def _vectors(most: int, chance: Random, findings: list[str]) -> int:
    """So many of the recorded requests with one byte changed. Returns how many there were."""
    ones = [(vector, part, message) for vector, part, changed in MUTATIONS for message in changed]
    chosen = chance.sample(ones, most) if most < len(ones) else ones
    for vector, part, message in chosen:
        if _accepted(vector, message):
            findings.append(f"{vector['name']}: accepted with another byte in {part}")
    return len(chosen)


def _accepted(vector: dict[str, object], message: SignedMessage) -> bool:
    try:
        accept(vector, message)
    except SignatureRefused:
        return False
    return True


GATES = (
    Gate(
        "R30 tampering",
        "a signed message that was altered anywhere is refused, and nothing comes of it",
        tampering,
        push={"kinds": 9, "together": 1, "good": 1, "vectors": 300},
        night={"kinds": 1_000, "together": 50, "good": 100, "vectors": 1_000_000},
        test={"kinds": 3, "vectors": 100},
        quick=True,
    ),
    Gate(
        "R31 signature-coverage",
        "a signature that covers too little is refused",
        coverage,
        push={"operations": 4},
        night={"operations": 1_000},
        quick=True,
    ),
    Gate(
        "R33 ended-credentials",
        "a credential that ended is refused at once by every process, and no token outlives its secret",
        ended,
        push={"processes": 2, "ends": 2, "rotations": 6, "buyers": 6},
        night={"processes": 3, "ends": 50, "rotations": 200, "buyers": 12},
    ),
)
