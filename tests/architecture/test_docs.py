"""The pages made from the tables are up to date and leave nothing out; a stale one is named."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from openvest.catalog import CONTRACTS, EVENTS, LIFECYCLES, TOLD
from openvest.core.contracts import RULES
from openvest.core.problems import Problem
from openvest.features.instruments.model import BAR_COLUMNS, INSTRUMENT_COLUMNS, QUOTE_COLUMNS
from openvest.features.tenants.model import SCOPES
from openvest.ledger import posting_rules, trades
from openvest.ledger.posting_rules import Kind
from openvest.server.standard_errors import statuses
from openvest.simulation import scenarios
from openvest.simulation.fills import CANCELLED_ISIN, SEVERAL_ISIN
from openvest.simulation.market.sandbox import FIXED, RANDOM_ISIN
from tests.kit.contracts import FIRST, SERVED, TABLES
from tools import docs
from tools.docs_contract import WHAT_TO_DO, endpoints_page, events_page, problems
from tools.docs_machine import diagram, states_page
from tools.docs_posting_stories import STORIES
from tools.markdown import NOTICE, anchor

LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")


def text_of(name: str) -> str:
    return (docs.FOLDER / name).read_text(encoding="utf-8")


def missing(name: str, wanted: Iterable[str]) -> list[str]:
    """Which of these a page does not have as code."""
    page = text_of(name)
    return [one for one in wanted if f"`{one}`" not in page]


# Staleness


def test_pages_are_up_to_date() -> None:
    assert docs.stale() == [], "run `make docs`"


MADE_ONCE = {name: cache(make) for name, make in docs.PAGES.items()}


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_stale_page_is_named_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(docs, "PAGES", MADE_ONCE)
    assert docs.main([], tmp_path) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(docs.PAGES)
    assert docs.main(["--check"], tmp_path) == 0
    page = tmp_path / name
    page.write_text(page.read_text().replace("the", "teh", 1))
    capsys.readouterr()
    assert docs.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == f"docs/{name} is stale; run `make docs`.\n"
    page.unlink()
    assert docs.stale(tmp_path) == [name]
    assert docs.main([], tmp_path) == 0
    assert docs.stale(tmp_path) == []


def test_a_changed_table_makes_its_page_stale() -> None:
    assert endpoints_page() != endpoints_page({**CONTRACTS, FIRST: TABLES[FIRST][1:]})
    changed = [replace(SERVED[0], status=299), *TABLES[FIRST][1:]]
    assert endpoints_page() != endpoints_page({**CONTRACTS, FIRST: changed})
    assert "## lite\n" in endpoints_page({**CONTRACTS, "lite": SERVED[:1]})
    assert events_page() != events_page(EVENTS[1:])
    assert states_page() != states_page(LIFECYCLES[1:])


# Completeness


def test_every_operation_has_its_row() -> None:
    _, *parts = text_of("endpoints.md").split("\n## ")
    assert len(parts) == len(TABLES)
    for part, (contract, endpoints) in zip(parts, TABLES.items(), strict=True):
        rules = RULES[contract]
        rows = {line.split("|")[2].strip(): line for line in part.splitlines() if line.startswith("| `")}
        assert part.startswith(contract)
        assert set(rows) == {f"`{endpoint.operation_id}`" for endpoint in endpoints}
        for endpoint in endpoints:
            row = rows[f"`{endpoint.operation_id}`"]
            assert f"`{endpoint.method} {endpoint.path}`" in row
            assert all(f"`{scope}`" in row for scope in endpoint.scopes)
            assert all(str(status) in row for status in (endpoint.status, *statuses(endpoint, rules)))
            assert ("| yes |" in row) == endpoint.demands_key(rules)
            assert ("| optional |" in row) == (endpoint.takes_key(rules) and not endpoint.demands_key(rules))


def test_every_problem_has_a_heading_advice_and_a_meaning() -> None:
    page, found = text_of("errors.md"), problems()
    assert len(found) > 50
    assert set(WHAT_TO_DO) == {problem.name for problem in found}
    for problem in found:
        assert f"\n## {problem.name}\n" in page
        if problem.__module__ != Problem.__module__:
            assert "__doc__" in vars(problem) and problem.__doc__, f"{problem.__name__} does not say what it means"
            assert f"`{problem.__name__}`" in page
    by_name: dict[str, set[tuple[int, str]]] = {}
    for problem in found:
        by_name.setdefault(problem.name, set()).add((problem.status, problem.title))
    assert {name for name, kinds in by_name.items() if len(kinds) > 1} == set(), "one type, one status, one title"


def test_every_life_is_drawn() -> None:
    page, known = text_of("states.md"), LIFECYCLES
    assert {life.table for life in known} >= {"users.status", "orders.status", "executions.status", "topups.status"}
    for life in known:
        assert f"## {life.noun}\n" in page and diagram(life) in page
        assert all(state in diagram(life) for state in life.states)


def test_every_journal_kind_and_recipe_is_posted() -> None:
    steps = [step for story in STORIES for step in story.steps]
    public = {
        name
        for module in (posting_rules, trades)
        for name, thing in inspect.getmembers(module, inspect.isfunction)
        if thing.__module__ == module.__name__ and not name.startswith("_") and name not in ("house", "journal_of")
    }
    assert {step.rule.__name__ for step in steps} == public
    assert {step.made.kind for step in steps} == set(get_args(Kind))
    assert missing("postings.md", [*public, *get_args(Kind)]) == []


def test_every_event_and_its_fields_are_listed() -> None:
    assert missing("events.md", (event.type for event in EVENTS)) == []
    for telling in (one for told in TOLD.values() for one in told.values()):
        assert missing("events.md", telling.names) == []
        schema = telling.shown.schema.model_json_schema()
        shapes = [schema, *schema.get("$defs", {}).values()]
        fields = {name for shape in shapes for name in shape.get("properties", {})}
        assert fields and missing("events.md", fields) == []


def test_every_scenario_sandbox_price_column_and_scope_is_listed() -> None:
    assert missing("scenarios.md", (one.name for one in scenarios.SCENARIOS)) == []
    assert {one.name for one in scenarios.SCENARIOS} == set(get_args(scenarios.Name))
    assert missing("scenarios.md", [*FIXED, RANDOM_ISIN, SEVERAL_ISIN, CANCELLED_ISIN]) == []
    columns = [*INSTRUMENT_COLUMNS, *BAR_COLUMNS, *QUOTE_COLUMNS]
    assert missing("imports.md", (column.name for column in columns)) == []
    assert missing("scopes.md", SCOPES) == []
    assert {scope for endpoint in SERVED for scope in endpoint.scopes} <= set(SCOPES)


def test_what_is_not_there_is_missed() -> None:
    assert missing("scopes.md", ["gifts:admin", *SCOPES]) == ["gifts:admin"]


# Form


def test_links_of_all_pages_lead_somewhere() -> None:
    headings = {
        file.name: {anchor(line.lstrip("# ")) for line in file.read_text().splitlines() if line.startswith("#")}
        for file in docs.FOLDER.glob("*.md")
    }
    for name in docs.PAGES:
        for file, place in LINK.findall(text_of(name)):
            assert (file or name) in headings, f"{name} links to {file}, which is not there"
            assert not place or place in headings[file or name], f"{name} links to #{place}, which is not there"


def test_tables_are_whole() -> None:
    for name in docs.PAGES:
        text = text_of(name)
        assert text.startswith(NOTICE) and text.endswith("\n") and "\n\n\n" not in text
        width = 0
        for line in text.splitlines():
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            assert not (width and cells) or cells == width, f"{name}: {line}"
            width = cells
