"""All rules over all statements and the schema, held against the reasoned exceptions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg
import pglast

from tests.architecture.distribution.facts import Facts, body_statements, facts
from tests.architecture.distribution.rules import STATEMENT_RULES, Asked
from tests.architecture.distribution.schema_rules import SCHEMA_RULES
from tests.architecture.statements import declared_statements

EXCEPTIONS = Path(__file__).parent / "exceptions.json"

Kind = Literal["router", "shared", "coordinator"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What a rule says of one home: a statement's module and name, or a thing of the schema."""

    home: str
    rule: str
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and found. `kinds` counts statements by where they are answered."""

    kinds: Mapping[Kind, int]
    in_functions: int
    findings: Sequence[Finding]

    def lines(self) -> list[str]:
        counted = ", ".join(f"{number} {kind}" for kind, number in self.kinds.items())
        return [
            f"{sum(self.kinds.values())} statements: {counted} (one node; reference and wire tables; no table)",
            f"{self.in_functions} statements in functions; {len(self.findings)} findings",
        ]


def kind(asked: Asked) -> Kind:
    """Where a statement is answered: by the node of its tenant, from tables everybody has alike, or without tables."""
    if asked.named & asked.facts.tenant:
        return "router"
    return "shared" if asked.named & (asked.facts.shared | asked.facts.local) else "coordinator"


def of_statement(home: str, asked: Asked) -> Iterator[Finding]:
    for name, rule in STATEMENT_RULES.items():
        for what in rule(asked):
            yield Finding(home, name, what)


def look(known: Facts, statements: Mapping[str, Sequence[str]]) -> Report:
    """Every statement, those in functions too, and the schema."""
    kinds: Counter[Kind] = Counter({"router": 0, "shared": 0, "coordinator": 0})
    findings: list[Finding] = []
    in_functions = 0
    for home, texts in statements.items():
        for text in texts:
            for parsed in pglast.parse_sql(text):
                asked = Asked(parsed.stmt, known)
                kinds[kind(asked)] += 1
                findings += of_statement(home, asked)
    for function in known.catalog.functions:
        for text in body_statements(function):
            for parsed in pglast.parse_sql(text):
                in_functions += 1
                findings += of_statement(f"function {function['name']}", Asked(parsed.stmt, known, in_function=True))
    for name, rule in SCHEMA_RULES.items():
        findings += [Finding(home, name, what) for home, what in rule(known)]
    return Report(kinds, in_functions, sorted(set(findings)))


async def report(connection: asyncpg.Connection) -> Report:
    """Everything of this tree, against a migrated database."""
    return look(await facts(connection), declared_statements())


def exceptions() -> dict[str, dict[str, str]]:
    """Shape: home, rule, the reason why it stays."""
    return json.loads(EXCEPTIONS.read_text(encoding="utf-8"))


def judged(findings: Sequence[Finding], reasons: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Findings without a reason, reasons without a finding, and reasons that say nothing."""
    found = {(one.home, one.rule) for one in findings}
    said = [f"{one.home}: {one.what} ({one.rule})" for one in findings if one.rule not in reasons.get(one.home, {})]
    for home, rules in reasons.items():
        for rule, reason in rules.items():
            if (home, rule) not in found:
                said.append(f"{home}: needs no exception from {rule} any more")
            elif not reason.strip():
                said.append(f"{home}: is excepted from {rule} without a reason")
    return said
