"""The pages that are made from the tables: `python -m tools.docs` writes them, `--check` only says what is stale."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.docs_contract import endpoints_page, errors_page, events_page, lite_page, scopes_page
from tools.docs_machine import imports_page, scenarios_page, states_page
from tools.docs_postings import postings_page

FOLDER = Path(__file__).resolve().parent.parent / "docs"

PAGES: Mapping[str, Callable[[], str]] = {
    "endpoints.md": endpoints_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "imports.md": imports_page,
    "lite.md": lite_page,
    "postings.md": postings_page,
    "scenarios.md": scenarios_page,
    "scopes.md": scopes_page,
    "states.md": states_page,
}
"""File name → what it must hold."""


def stale(folder: Path = FOLDER) -> list[str]:
    """The pages of a folder that are missing or differ from what the tables say."""
    found: list[str] = []
    for name, make in PAGES.items():
        file = folder / name
        if not file.is_file() or file.read_text(encoding="utf-8") != make():
            found.append(name)
    return found


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write what is stale, or with `--check` only name it. Returns the exit status."""
    if set(arguments) - {"--check"}:
        print("The only option is --check.")
        return 2
    found = stale(folder)
    if "--check" in arguments:
        for name in found:
            print(f"docs/{name} is stale; run `make docs`.")
        return 1 if found else 0
    for name in found:
        (folder / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/{name}")
    if not found:
        print("Every page is up to date.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
