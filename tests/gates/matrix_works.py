"""Work that is done twice, and what is sealed: every kind of work and every value of a life (`again`, `sealed`)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx

from openvest import catalog
from openvest.core.problems import Problem
from openvest.core.sealing import Secrets
from openvest.db.unit import Unit
from openvest.declarations import Outbound, Sweep
from openvest.work.look import question
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.matrix_fields import MONDAY, ask_all
from tests.gates.matrix_ground import TENANT_TABLES, Floor, floor
from tests.kit import footprint
from tests.kit.contracts import TABLES
from tests.kit.http import Api
from tests.kit.operations import live_by_http
from tests.kit.samples import every, lacks
from tests.security.tenant_life import live

Work = Sweep | Outbound

NEVER_DUE = every(lambda sample: sample.never_due)
_LEASED = "select table_name from information_schema.columns where column_name = 'lease_token'"
_ANOTHER = "overlay(lease_token::text placing reverse(substr(lease_token::text, 25)) from 25)::uuid"
"""Another token for each that there is; the same once more is the first one again."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the outside said, and to whom."""

    outbound: Outbound
    tenant_id: UUID
    rows: Sequence[Any]
    said: Any

    async def record(self, unit: Unit) -> None:
        await self.outbound.record(unit, self.rows, self.said)


@dataclass
class Twice:
    """The catalog's work, which notes what it does and tries to do it once more."""

    handled: Counter[str] = field(default_factory=Counter[str])
    answers: list[Said] = field(default_factory=list[Said])
    stood: Floor | None = None
    findings: set[str] = field(default_factory=set[str])

    def watched(self, work: Work) -> Work:
        return self._outbound(work) if isinstance(work, Outbound) else self._sweep(work)

    def _sweep(self, sweep: Sweep) -> Sweep:
        async def work(unit: Unit, rows: Sequence[Any]) -> None:
            self.handled[sweep.name] += len(rows)
            await sweep.work(unit, rows)
            left = {row.id for row in rows} & {row.id for row in await sweep.claim(unit, sweep.set_size)}
            if left:
                self.findings.add(self._again(sweep))

        # What is due for ever would keep its tenant from ever coming to rest, so it is asked for no longer.
        async def claim(unit: Unit, limit: int) -> Sequence[Any]:
            return [] if self._again(sweep) in self.findings else await sweep.claim(unit, limit)

        async def closer_look(unit: Unit) -> datetime | None:
            if self._again(sweep) in self.findings:
                return None
            if sweep.closer_look is not None:
                return await sweep.closer_look(unit)
            found = await unit.rows(question([sweep]), unit.tenant_id, unit.now)
            return found[0].due_at if found else None

        return replace(sweep, work=work, claim=claim, closer_look=closer_look)

    @staticmethod
    def _again(sweep: Sweep) -> str:
        return f"{sweep.name}: what was done is due again at the same instant"

    def _outbound(self, outbound: Outbound) -> Outbound:
        tenants: dict[UUID, UUID] = {}

        async def lease(unit: Unit, limit: int) -> Sequence[Any]:
            rows = await outbound.lease(unit, limit)
            assert all(hasattr(row, "id") for row in rows), f"{outbound.name}: what it leases could not be set aside"
            tenants.update(dict.fromkeys((row.id for row in rows), unit.tenant_id))
            return rows

        async def call(ports: Any, rows: Sequence[Any]) -> Any:
            said = await outbound.call(ports, rows)
            self.handled[outbound.name] += len(rows)
            answer = Said(outbound, tenants[rows[0].id], rows, said)
            self.answers.append(answer)
            await self._heard(answer, "whose lease another one has", taken=True)
            return said

        return replace(outbound, lease=lease, call=call)

    async def late(self) -> None:
        """Every answer of the outside once more, as from a worker that was away until all was done."""
        for answer in self.answers:
            await self._heard(answer, "that comes late", taken=False)

    async def _heard(self, answer: Said, which: str, *, taken: bool) -> None:
        """Record an answer that has no right to be: nothing changes."""
        assert self.stood is not None
        outbound = answer.outbound
        async with self.stood.superuser() as eye:
            tables = [row[0] for row in await eye.fetch(_LEASED)] if taken else []
            for table in tables:
                await eye.execute(f"update {table} set lease_token = {_ANOTHER}")
            before = await footprint.digests(eye)
            n = 1 if outbound.writes_events else 0
            try:
                await self.stood.world.database.write(answer.tenant_id, answer.record, n=n, draining=True)
            except Problem as error:
                self.findings.add(f"{outbound.name}: an answer {which} is a fault: {error}")
            after = await footprint.digests(eye)
            for table in tables:
                await eye.execute(f"update {table} set lease_token = {_ANOTHER}")
        changed = sorted(table for table in after if after[table] != before[table])
        if changed:
            self.findings.add(f"{outbound.name}: an answer {which} changes {', '.join(changed)}")


@asynccontextmanager
async def lived(twice: Twice | None = None) -> AsyncGenerator[Floor]:
    """Two lives: one that trades and removes everything, one that is asked everything."""
    async with floor() as stood:
        if twice is not None:
            twice.stood = stood
            stood.world.runner.works = [twice.watched(work) for work in catalog.WORKS]
        await live(stood.world, await stood.tenant("Ended", frozen_at=MONDAY), stood.app)
        tenant_id = await stood.tenant("Going", pace="instant")
        api = await stood.client(tenant_id)
        for contract in TABLES:
            await ask_all(api, await live_by_http(stood.world, api, tenant_id), contract)
        await stood.world.runner.drain(tenant_id)
        yield stood


def _never_due(work: str) -> str:
    what = f"makes nothing due for {work}: do something that does, or say in never_due where it is tried"
    return lacks(work.partition(".")[0], "lived", what)


async def again(run: Run) -> Verdict:
    """Every kind of work in a life: what is done is not due again, and what comes late has no effect."""
    twice = Twice()
    async with lived(twice):
        await twice.late()
    idle = {one.name for one in catalog.WORKS if not twice.handled[one.name]}
    findings = sorted(twice.findings)
    findings += [_never_due(name) for name in sorted(idle - set(NEVER_DUE))]
    findings += [f"{name}: was due, and is known never to be" for name in sorted(set(NEVER_DUE) - idle)]
    return Verdict(
        f"{len(catalog.WORKS)} kinds of work, {twice.handled.total()} rows, {len(twice.answers)} answers of the outside"
        f" by who has no right to them: {len(findings)} findings",
        findings,
    )


# What is sealed


LEAST_LENGTH = 8
"""Shorter texts, such as countries, stand everywhere."""
_INSTANT = re.compile(r"[0-9-]{10}T[0-9:.]+Z")
"""So do these: everything of one unit has one."""


@dataclass
class Sealing:
    """What was sealed, by the text itself, and what bodies said."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    sent: set[str] = field(default_factory=set[str])

    def note(self, raw: bytes, place: str) -> None:
        where = place.partition(" ")[0]
        if where.startswith("idempotency"):  # a whole answer, most of which is nobody's secret
            return
        try:
            leaves = list(_leaves(json.loads(raw)))
        except ValueError:
            leaves = [raw.decode(errors="replace")]
        self.texts |= {text: where for text in leaves if len(text) >= LEAST_LENGTH and not _INSTANT.fullmatch(text)}


def _leaves(value: Any) -> Iterator[str]:
    """Every text of a JSON value."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    elif value is not None:
        yield str(value)


PUBLISHED = every(lambda sample: sample.published)
"""Tables whose texts events may show, too."""
_SEALED = """
select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
 where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attname like 'sealed\\_%'
"""


async def sealed(run: Run) -> Verdict:
    """Whatever a life seals stands in no row of any table, no event and no log line; what bodies say in no log line."""
    sealing, seal = Sealing(), Secrets.seal

    def noted(secrets: Secrets, raw: bytes, place: str) -> bytes:
        sealing.note(raw, place)
        return seal(secrets, raw, place)

    findings: list[str] = []
    cells = 0
    send = Api.send

    async def noted_body(api: Api, method: str, at: str, body: Any = None, **options: Any) -> httpx.Response:
        said = json.loads(body) if isinstance(body, bytes) else body
        sealing.sent |= {text for text in _leaves(said) if len(text) >= LEAST_LENGTH}
        return await send(api, method, at, body, **options)

    with patch.object(Secrets, "seal", noted), patch.object(Api, "send", noted_body):
        async with lived() as stood, stood.superuser() as eye:
            log = stood.log.getvalue()
            columns = await eye.fetch(_SEALED)
            for table, column in columns:
                if not await eye.fetchval(f"select exists (select from {table} where {column} is not null)"):
                    findings.append(f"{table}.{column}: nothing was sealed in it, so SAMPLE.lived of its feature must")
            tables = {
                one[0]: [row[0] for row in await eye.fetch(f"select t::text from {one[0]} t")]
                for one in await eye.fetch(TENANT_TABLES)
            }
            told = [row for table in PUBLISHED for row in tables[table]]
            known = {text for text in sealing.texts if any(text in row for row in told)}
            for table, rows in tables.items():
                cells += len(rows)
                findings += [
                    f"{table} shows what is sealed as {where}"
                    for text, where in sealing.texts.items()
                    if any(text in row for row in rows) and not (text in known and table in {"events", *PUBLISHED})
                ]
    findings += [f"the log shows what is sealed as {where}" for text, where in sealing.texts.items() if text in log]
    findings += [f"the log shows what a body said: {text}" for text in sealing.sent if text in log]
    return Verdict(
        f"{len(sealing.texts)} texts of {len(columns)} sealed columns in none of {cells} rows; nor they nor"
        f" {len(sealing.sent)} texts of bodies in {log.count(chr(10))} log lines:"
        f" {len(findings)} findings",
        sorted(set(findings)),
    )


GATES = (
    Gate("again", "work is done once, whoever comes late", again, quick=True),
    Gate("sealed", "what is sealed stands nowhere else", sealed, quick=True),
)
