"""The sizes of files, functions and features, and the ratchet that holds those that are already too long.

An exception stands in `ratchet.json` with its size. It may not grow; that it shrank is no fault of whoever shrank it.
`python -m tests.architecture.sizes` lowers the entries to what the tree has come to, so that what was gained is kept.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.architecture.tree import PACKAGE, ROOT, Findings, Source, python_sources

RECORD = Path("tests") / "architecture" / "ratchet.json"
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
    """The sizes against the recorded exceptions: nothing new is too long, nothing recorded grew."""
    found = Findings(looked_at)
    for name, size in sorted(over.items()):
        recorded = ratchet.get(name)
        if recorded is None:
            found.say(name, f"{size} lines; split it by what it does")
        elif size > recorded:
            found.say(name, f"grew from {recorded} to {size} lines; the ratchet only shrinks")
    return found


def recorded(root: Path) -> dict[str, int]:
    record = root / RECORD
    return json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}


def sizes(root: Path) -> Findings:
    """Files, functions and features within their limits, or at most at their recorded exception."""
    looked_at, over = measured(root)
    return compared(looked_at, over, recorded(root))


def lower(root: Path) -> dict[str, int]:
    """Write each exception down to its present size and drop those that are none any more; nothing is ever raised."""
    over = measured(root)[1]
    kept = {name: min(size, over[name]) for name, size in sorted(recorded(root).items()) if name in over}
    (root / RECORD).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return kept


if __name__ == "__main__":
    for name, size in lower(ROOT).items():
        print(f"{size:6}  {name}")
