"""`make quick F=payments`: style, types and tests of one feature, in seconds; `make check` and `make test` are all.

A test concerns a feature when it stands in the feature's own folder, `tests/features/<name>`, or imports the feature.
Tests of the program as a whole are left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tools.check import BIN, ROOT, Step, made

FEATURES = Path("src") / "openvest" / "features"
WHOLE = frozenset("architecture bench controls faults gates kit repeat security stateful vectors walk".split())
"""Folders of `tests` that hold the whole program to something, or take minutes."""


def features(root: Path = ROOT) -> list[str]:
    return sorted(file.parent.name for file in (root / FEATURES).glob("*/__init__.py"))


def concerning(feature: str, root: Path = ROOT) -> list[str]:
    """The test files that concern a feature, as paths below the root."""
    tests = root / "tests"
    files = (file for file in sorted(tests.rglob("test_*.py")) if file.relative_to(tests).parts[0] not in WHOLE)
    return [
        file.relative_to(root).as_posix()
        for file in files
        if file.parent == tests / "features" / feature or f"openvest.features.{feature}" in imports(file)
    ]


@cache
def imports(file: Path) -> set[str]:
    """The features a file imports, or imports from, as `openvest.features.NAME`."""

    def modules() -> Iterator[str]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    return {".".join(name.split(".")[:3]) for name in modules()}


def steps(feature: str) -> list[Step]:
    source, tests = (FEATURES / feature).as_posix(), concerning(feature)
    styled = (source, f"tests/features/{feature}", *tests)
    return [
        Step("ruff", (BIN / "ruff", "check", "--quiet", *styled)),
        Step("format", (BIN / "ruff", "format", "--check", "--quiet", *styled)),
        Step("pyright", (BIN / "pyright", source)),
        Step(f"{len(tests)} test files", (sys.executable, "-m", "pytest", "-q", "-n", "2", *tests)),
    ]


def main(names: Sequence[str]) -> int:
    known = features()
    if len(names) != 1 or names[0] not in known:
        print(f"Say which feature: make quick F=NAME, where NAME is one of {', '.join(known)}.")
        return 2
    # One after the other, and no further: what types say would be lost among the failures that follow from it.
    return 0 if all(made(step) for step in steps(names[0])) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
