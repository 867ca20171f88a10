"""The sizes of files, functions and features, and the ratchet that holds those that are already too long.

An exception stands in `ratchet.json` with its present size. It may not grow, and when it shrinks the entry must
follow, so that what was gained is kept.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.architecture.tree import PACKAGE, Findings, Source, python_sources

FILE_LINES, FUNCTION_LINES, FEATURE_LINES = 400, 60, 1500


def measured(root: Path) -> tuple[int, dict[str, int]]:
    """How many files were read, and everything over its limit with its size.

    Shape: keys are `file PATH`, `function PATH NAME` and `feature NAME`.
    """
    sources = list(python_sources(root, "src", "tests", "tools"))
    over: dict[str, int] = {}
    features: dict[str, int] = {}
    for source in sources:
        lines = len(source.text.splitlines())
        if lines > FILE_LINES:
            over[f"file {source.path}"] = lines
        over |= {
            f"function {source.path} {name}": length for name, length in functions(source) if length > FUNCTION_LINES
        }
        if source.path.startswith(f"{PACKAGE}/features/") and source.path.count("/") > 3:
            feature = source.path.split("/")[3]
            features[feature] = features.get(feature, 0) + lines
    over |= {f"feature {name}": lines for name, lines in features.items() if lines > FEATURE_LINES}
    return len(sources), over


def functions(source: Source) -> Iterator[tuple[str, int]]:
    """Name and length of every function, a method with its class in front."""

    def below(node: ast.AST, front: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            name = front
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{front}.{child.name}" if front else child.name
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, (child.end_lineno or child.lineno) - child.lineno + 1
            yield from below(child, name)

    yield from below(source.tree, "")


def compared(looked_at: int, over: Mapping[str, int], ratchet: Mapping[str, int]) -> Findings:
    """The sizes against the recorded exceptions."""
    found = Findings(looked_at)
    for name in sorted({*over, *ratchet}):
        size, recorded = over.get(name), ratchet.get(name)
        if recorded is None:
            found.say(name, f"{size} lines; split it by what it does")
        elif size is None:
            found.say(name, "no longer too long; take its line out of the ratchet")
        elif size > recorded:
            found.say(name, f"grew from {recorded} to {size} lines; the ratchet only shrinks")
        elif size < recorded:
            found.say(name, f"shrank from {recorded} to {size} lines; lower its line in the ratchet")
    return found


def sizes(root: Path) -> Findings:
    """Files, functions and features within their limits, or exactly at their recorded exception."""
    record = root / "tests" / "architecture" / "ratchet.json"
    ratchet: dict[str, int] = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    looked_at, over = measured(root)
    return compared(looked_at, over, ratchet)
