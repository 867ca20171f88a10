"""Every page, section and decision that code cites stands in this repository; `docs/design/README.md` says the form."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.architecture.tree import Findings, Source, comments, python_sources

DESIGN = Path("docs") / "design"
CITED = re.compile(r"docs/adr/(?P<adr>\d{4})|(?P<page>[\w./-]*\w\.md)\b|\breference \((?P<subjects>[^)]*)\)")
ENDS = re.compile(r";|[.:](?=\s|$)")
"""What ends the words that belong to a citation."""
PLACES = re.compile(r"\b(?P<kind>section|rule)s?\s+(?P<list>\d[\d.]*(?:\s*\([^)]*\))?(?:(?:,| and| to)\s+\d[\d.]*)*)")
NUMBER = re.compile(r"\d+(?:\.\d+)*")
OUTSIDE = re.compile(r"\bissue \d+|\breference/\w+|\bnewer/\w+")
"""Names of texts that only its makers had."""
_BREAK = re.compile(r"\s*\n[\s#]*")


@dataclass(frozen=True)
class Page:
    """What of a page can be cited: numbered headings, items of numbered lists, names of gates, titles."""

    section: frozenset[str]
    rule: frozenset[str]
    gates: frozenset[str]
    titles: frozenset[str]


@cache
def page_at(file: Path) -> Page:
    text = file.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (?:(\d[\d.]*?)\.? )?(.+)$", text, re.MULTILINE)
    bold = re.findall(r"\*\*([^*]+?)[.:]?\*\*", text)
    cells = re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE)
    return Page(
        frozenset(number for number, _ in headings if number),
        frozenset(re.findall(r"^(\d+)\. ", text, re.MULTILINE)),
        frozenset(re.findall(r"\*\*(R\d+)\*\*", text)),
        frozenset(title.lower() for title in (*(title for _, title in headings), *bold, *cells)),
    )


def subjects(root: Path) -> frozenset[str]:
    """The subjects of the reference, from the table that explains them."""
    text = (root / DESIGN / "README.md").read_text(encoding="utf-8")
    table = text.partition("| subject |")[2]
    return frozenset(re.findall(r"^\| (\w+) \|", table, re.MULTILINE))


def prose(source: Source) -> Iterator[tuple[int, str]]:
    """Line and text of every comment and of every string that stands for itself, each text on one line."""
    yield from comments(source)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, " ".join(node.value.value.split())


def citations(root: Path) -> Findings:
    """What `src` and `tests` cite is there, as this repository has it."""
    found, known = Findings(), subjects(root)
    unsuffixed = re.compile(
        rf"\b({'|'.join(sorted(file.stem for file in (root / DESIGN).glob('*.md')))}) (?:section|rule)"
    )
    for source in python_sources(root, "src", "tests"):
        flat = _BREAK.sub(" ", source.text)
        if not any(form.search(flat) for form in (CITED, OUTSIDE, unsuffixed)):
            continue  # taking a file apart costs much more than reading it
        for line, text in prose(source):
            where = f"{source.path}:{line}"
            for hit in (*OUTSIDE.finditer(text), *unsuffixed.finditer(text)):
                found.say(where, f"cites {hit.group()!r}, which is no page of this repository")
            cited = list(CITED.finditer(text))
            found.looked_at += len(cited)
            for hit, end in zip(cited, [*(after.start() for after in cited[1:]), len(text)], strict=False):
                words = ENDS.split(text[hit.end() : end])[0]
                for sentence in _wrong(root, hit, words, known):
                    found.say(where, sentence)
    return found


def _wrong(root: Path, hit: re.Match[str], words: str, known: frozenset[str]) -> Iterator[str]:
    """What one citation and the words behind it name and nobody finds."""
    if number := hit["adr"]:
        if not list((root / "docs" / "adr").glob(f"{number}-*.md")):
            yield f"cites decision {number}, which is not there"
        return
    if hit["subjects"] is not None:
        unknown = set(re.split(r",\s*", hit["subjects"])) - known
        if unknown:
            yield f"cites the reference on {', '.join(sorted(unknown))}, which {DESIGN.as_posix()} does not explain"
        return
    name = hit["page"]
    file = next((folder / name for folder in (root, root / "docs", root / DESIGN) if (folder / name).is_file()), None)
    if file is None:
        yield f"cites {name}, which is not there"
        return
    page = page_at(file)
    for place in PLACES.finditer(words):
        there = page.section if place["kind"] == "section" else page.rule
        yield from (
            f"cites {place['kind']} {number} of {name}, which is not there"
            for number in NUMBER.findall(re.sub(r"\([^)]*\)", "", place["list"]))
            if number not in there
        )
    for title in re.findall(r'"([^"]+)"', words):
        if not any(one.startswith(title.lower()) for one in page.titles):
            yield f"cites {title!r} of {name}, which is not there"
    for gate in re.findall(r"\bR\d+\b", words):
        if gate not in page.gates:
            yield f"cites {gate} of {name}, which is not there"
