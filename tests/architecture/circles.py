"""Circles of imports: modules that come back to themselves, also by types alone or by an import inside a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.architecture.tree import PACKAGE, Findings, Source, python_sources


def circles(root: Path) -> Findings:
    """No module of the package imports itself, however far around."""
    sources = {_module(source): source for source in python_sources(root, PACKAGE)}
    graph = {name: set(_imported(source, sources)) for name, source in sources.items()}
    found = Findings(len(graph))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.say(error.args[1][0], " is imported by ".join(error.args[1]))
    return found


def _module(source: Source) -> str:
    parts = source.path.removeprefix("src/").removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(source: Source, known: Mapping[str, Source]) -> Iterator[str]:
    """Modules of the package that this one names in an import, wherever in its text that stands."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module
