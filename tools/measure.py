"""What a feature costs to write: `python -m tools.measure [FEATURES_FOLDER]`, of this checkout or another.

Lines per operation: all lines of a feature's folder by its operations. Places per field: the lines of the folder that
name a field of a resource, as an identifier, as a string of its own or within SQL; comments and prose are no places.
A resource is a dataclass of `model.py` with an id and a time of creation. Left out are fields that every resource has,
fields of a shape of their own, and names that two resources of a folder share: whose they are a line does not say.
The field with the fewest places is the plain one; what rules decide by is named more often, and has to be.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

FEATURES = Path(__file__).resolve().parent.parent / "src" / "openvest" / "features"
TOGETHER = ("accounts", "cash", "payments", "positions", "users", "onboarding", "webhooks")
EVERYWHERE = {"id", "version", "created_at", "updated_at", "status", "type"}
_SHAPE = re.compile(r"\b(dict|tuple|Any|Money|Instrument)\b")


@dataclass(frozen=True)
class Resource:
    """A resource and its plain fields, each with the number of its places."""

    name: str
    places: dict[str, int]


def operations(source: str) -> int:
    """Declared operations: calls to which a path is given, by itself or by a name of the module."""
    tree = ast.parse(source)
    paths: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]
            paths |= {ast.unparse(name) for name, part in pairs if _is_path(part, paths)}
    given = [
        [*node.args[:2], *(keyword.value for keyword in node.keywords if keyword.arg == "path")]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]
    return sum(any(_is_path(part, paths) for part in parts) for parts in given)


def _is_path(node: ast.expr, paths: set[str]) -> bool:
    match node:
        case ast.JoinedStr(values=[first, *_]) | ast.FormattedValue(value=first) | ast.BinOp(left=first):
            return _is_path(first, paths)
        case ast.Constant(value=str(text)):
            return text.startswith("/")
        case _:
            return isinstance(node, ast.Name) and node.id in paths


def named(source: str, *, sql: bool) -> Iterator[tuple[str, int]]:
    """Every name with its line, outside comments and prose; `sql`: strings hold statements, whose words are names."""
    last = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.string, token.start[0]
        elif token.type == tokenize.STRING and last not in (tokenize.NEWLINE, tokenize.INDENT):
            for number, line in enumerate(token.string.splitlines(), token.start[0]):
                words = re.findall(r"\w+", line)
                if sql or re.fullmatch(r"\"\w+\"", token.string):
                    yield from ((word, number) for word in words)
        if token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.DEDENT):
            last = token.type


def plain_fields(model: str) -> dict[str, list[str]]:
    """The plain fields of each resource of a module, by the resource's name."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(model).body:
        if isinstance(node, ast.ClassDef):
            typed = [
                part for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            ]
            fields = {ast.unparse(part.target): ast.unparse(part.annotation) for part in typed}
            if {"id", "created_at"} <= set(fields):
                found[node.name] = [
                    name for name, kind in fields.items() if name not in EVERYWHERE and not _SHAPE.search(kind)
                ]
    names = [name for fields in found.values() for name in fields]
    return {key: [name for name in fields if names.count(name) == 1] for key, fields in found.items()}


def resources(sources: dict[str, str]) -> list[Resource]:
    """The resources of one folder, whose files come by name."""
    lines: dict[str, set[tuple[str, int]]] = {}
    for file, source in sources.items():
        for name, line in named(source, sql=file.startswith("store")):
            lines.setdefault(name, set()).add((file, line))
    plain = plain_fields(sources.get("model.py", ""))
    return [Resource(key, {name: len(lines[name]) for name in fields}) for key, fields in plain.items() if fields]


def main() -> int:
    """Print both figures, by folder and by resource."""
    features = Path(sys.argv[1]) if len(sys.argv) > 1 else FEATURES
    counted: dict[str, tuple[int, int]] = {}
    everything: list[int] = []
    print(f"{'folder':<14}{'operations':>11}{'lines':>7}{'lines each':>12}")
    for folder in sorted(path for path in features.iterdir() if (path / "__init__.py").exists()):
        sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
        count = sum(operations(source) for file, source in sources.items() if file.startswith(("v1", "lite")))
        counted[folder.name] = count, sum(len(source.splitlines()) for source in sources.values())
    for name, figures in counted.items():
        print(_line(name, *figures))
    first = [counted[name] for name in TOGETHER if name in counted]
    print(_line("the seven", *map(sum, zip(*first, strict=True))))
    print(f"\n{'resource':<34}{'fields':>7}{'least':>7}{'median':>8}{'worst':>7}")
    for name in TOGETHER:
        sources = {path.name: path.read_text(encoding="utf-8") for path in sorted((features / name).glob("*.py"))}
        for resource in resources(sources):
            worst = max(resource.places, key=lambda field: resource.places[field])
            everything += resource.places.values()
            print(f"{_places(f'{name}: {resource.name}', list(resource.places.values()))} {worst}")
    print(_places("all of them", everything))
    return 0


def _places(head: str, places: list[int]) -> str:
    return f"{head:<34}{len(places):>7}{min(places):>7}{median(places):>8g}{max(places):>7}"


def _line(name: str, count: int, lines: int) -> str:
    return f"{name:<14}{count:>11}{lines:>7}{(f'{lines / count:.0f}' if count else '-'):>12}"


if __name__ == "__main__":
    sys.exit(main())
