"""Citations lead to a page and a section of this repository, and links of its pages to files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.architecture.citations import DESIGN, citations, page_at
from tests.architecture.test_layout import plant
from tests.architecture.tree import ROOT, tracked_files
from tools.docs_posting_stories import STORIES
from tools.docs_postings import section

SOURCE = "src/openvest/features/gifts/rules.py"
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def test_what_is_cited_is_there() -> None:
    found = citations(ROOT)
    assert found.looked_at > 80
    assert not found.sentences, "\n".join(found.sentences)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ('DOMAIN.md section 2 "Advance", section 7 "Scenarios".', 0),
        ('DOMAIN.md sections 2 to 4, PHYSICAL_DESIGN.md\n"Order of writes".', 0),
        ("POSTINGS.md sections 1 (`rounding`), 2.2, 3 and 7.4; CONTRACTS.md rules 2 and 7.", 0),
        ("RELIABILITY.md R38 and rule 8; docs/adr/0015; reference (orders, users); RFC 9110, 9.1.", 0),
        ("docs/states.md says more. In section 99 of something else nobody looks.", 0),
        ("MATHS.md.", 1),
        ("DOMAIN.md section 9.", 1),
        ("POSTINGS.md sections 1 (`rounding`), 2.9 and 3.", 1),
        ("CONTRACTS.md rule 99; DOMAIN.md section 99.", 2),
        ('ARCHITECTURE.md "A unicorn".', 1),
        ("RELIABILITY.md R99.", 1),
        ("docs/adr/9999.", 1),
        ("reference (orders, unicorns).", 1),
        ("reference/v1/orders, issue 2.", 2),
        ("POSTINGS section 3.", 1),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, words: str, wrong: int) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copyfile(ROOT / "ARCHITECTURE.md", tmp_path / "ARCHITECTURE.md")
    (tmp_path / "tests").mkdir()
    plant(tmp_path, SOURCE, f'"""Gifts.\n\nSource: {words}\n"""\n')
    assert len(citations(tmp_path).sentences) == wrong


def test_posting_rules_name_sections_of_the_catalogue() -> None:
    there = page_at(ROOT / DESIGN / "POSTINGS.md").section
    named = {name for story in STORIES for step in story.steps for name in section(step.rule).split(", ") if name}
    assert named and named <= there


def test_links_lead_to_files() -> None:
    pages = [file for file in tracked_files(ROOT) if file.suffix == ".md"]
    broken = [
        f"{file.relative_to(ROOT).as_posix()}: {target}"
        for file in pages
        for target in LINK.findall(file.read_text(encoding="utf-8"))
        if not (file.parent / target).exists()
    ]
    assert pages and broken == []
