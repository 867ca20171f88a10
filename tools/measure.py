"""What a feature costs to write: `python -m tools.measure [FEATURES_FOLDER]`, of this checkout or another.

Lines per operation: all lines of a feature's folder by its operations. Places per field: the lines of the folder that
name a field of a resource, as an identifier, as a string of its own or within SQL; comments and prose are no places.
A resource is a dataclass of `model.py` with an id and a time of creation, with what it inherits there. Left out are
fields that every resource has, fields of a shape of their own, and names that two resources of a folder share: whose
they are a line does not say.

A place either carries a field (it declares it, or hands it on: a parameter, an argument, a column that is selected or
set) or uses it. Used is what a rule names or is given, what a branch, a comparison or a computation reads, and what a
statement finds, orders, sums up or tells rows apart by. A field that nothing uses is plain: each of its places is the
price of one field more. What is decided by is named more often, and has to be; it is counted beside.
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
    """A resource and its fields, each with the number of its places: plain ones, and those something is decided by."""

    name: str
    plain: dict[str, int]
    decided: dict[str, int]


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


_TO_RULES = re.compile(r"(\w+_)?rules(_\w+)?")
_CLAUSES = re.compile(
    r"\b(where|on|having|order by|group by|when|max|min|sum|count)\b"
    r"|\b(?:select|set|returning|values|from|then)\b"
    r"|(\w+)"
)
_DECIDING = ("filters", "sorts", "unless", "tie", "max_size")
"""What is said of a list, a write or a package by which rows are found, ordered, told apart or cut."""


def used(source: str, *, rules: bool = False) -> set[tuple[str, int]]:
    """Every name with its line where something is decided by it. Where the module is of `rules`, that is everywhere."""
    if rules:
        return set(named(source, sql=False))
    found: set[tuple[str, int]] = set()
    for node in ast.walk(ast.parse(source)):
        for part in _deciding(node):
            found |= set(_names(part))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(_conditions(node.value, node.lineno))
    return found


def _deciding(node: ast.AST) -> list[ast.AST]:
    """The parts of a node by which is decided."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) | ast.Assert(test=test):
            return [test]
        case ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.UnaryOp() | ast.AugAssign():
            return [node]
        case ast.Match(subject=subject):
            return [subject]
        case ast.comprehension(ifs=ifs):
            return list(ifs)
        case ast.Call(func=function) if _TO_RULES.fullmatch(ast.unparse(function).partition(".")[0]):
            return [*node.args, *node.keywords]
        case ast.keyword(arg=name, value=value) if name in _DECIDING:
            return [ast.Name(word, lineno=value.lineno) for word in re.findall(r"\w+", ast.unparse(value))]
        case _:
            return []


def _names(part: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(part):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name, node.end_lineno if isinstance(node, ast.Attribute) and node.end_lineno else node.lineno
            case ast.Constant(value=str(name)) if name.isidentifier():
                yield name, node.lineno
            case _:
                pass


def _conditions(text: str, line: int) -> Iterator[tuple[str, int]]:
    """The words of a statement that stand in a condition or an order."""
    decides = " = " in text and re.search(r"\b(select|update|insert)\b", text) is None
    for number, row in enumerate(text.split("\n"), line):
        for condition, word in _CLAUSES.findall(row):
            decides = decides if word else bool(condition)
            if word and decides:
                yield word, number


Classes = dict[str, dict[str, str]]
"""Dataclasses with the annotations of their fields, by name."""


def fields_of(model: str, below: Classes | None = None) -> dict[str, list[str]]:
    """The fields of each resource of a module that are its alone, by the resource's name.

    `below` are classes of other modules, for what is inherited from there; those of this one are added.
    """
    classes: Classes = {} if below is None else below
    here: set[str] = set()
    above: set[str] = set()
    for node in ast.parse(model).body:
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases if ast.unparse(base) in classes]
            above |= set(bases)
            fields = {name: kind for base in bases for name, kind in classes[base].items()}
            for part in node.body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                    fields[ast.unparse(part.target)] = ast.unparse(part.annotation)
            classes[node.name] = fields
            here.add(node.name)
    found = {
        key: [name for name, kind in fields.items() if name not in EVERYWHERE and not _SHAPE.search(kind)]
        for key, fields in classes.items()
        if {"id", "created_at"} <= set(fields) and key in here - above
    }
    names = [name for fields in found.values() for name in fields]
    return {key: [name for name in fields if names.count(name) == 1] for key, fields in found.items()}


def resources(sources: dict[str, str], below: Classes | None = None) -> list[Resource]:
    """The resources of one folder, whose files come by name. `below` is as in `fields_of`."""
    lines: dict[str, set[tuple[str, int]]] = {}
    decided: set[str] = set()
    for file, source in sources.items():
        for name, line in named(source, sql=file.startswith("store")):
            lines.setdefault(name, set()).add((file, line))
        decided |= {name for name, _ in used(source, rules=file.startswith("rules"))}
    found: list[Resource] = []
    for key, fields in fields_of(sources.get("model.py", ""), below).items():
        places = {name: len(lines.get(name, ())) for name in fields}
        plain = {name: count for name, count in places.items() if name not in decided}
        found.append(Resource(key, plain, {name: count for name, count in places.items() if name in decided}))
    return [one for one in found if one.plain or one.decided]


def main() -> int:
    """Print both figures, by folder and by resource."""
    features = Path(sys.argv[1]) if len(sys.argv) > 1 else FEATURES
    counted: dict[str, tuple[int, int]] = {}
    print(f"{'folder':<14}{'operations':>11}{'lines':>7}{'lines each':>12}")
    for folder in sorted(path for path in features.iterdir() if (path / "__init__.py").exists()):
        sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
        count = sum(operations(source) for file, source in sources.items() if file.startswith(("v1", "lite")))
        counted[folder.name] = count, sum(len(source.splitlines()) for source in sources.values())
    for name, figures in counted.items():
        print(_line(name, *figures))
    first = [counted[name] for name in TOGETHER if name in counted]
    print(_line("the seven", *map(sum, zip(*first, strict=True))))
    print(f"\n{'places per field':<34}{'fields':>7}{'least':>7}{'median':>8}{'worst':>7}")
    plain: dict[str, int] = {}
    decided: dict[str, int] = {}
    below: Classes = {}
    for name in TOGETHER:
        sources = {path.name: path.read_text(encoding="utf-8") for path in sorted((features / name).glob("*.py"))}
        for resource in resources(sources, below):
            print(_places(f"{name}: {resource.name}, plain", resource.plain))
            print(_places(f"{name}: {resource.name}, decided by", resource.decided))
            plain |= {f"{resource.name}.{field}": count for field, count in resource.plain.items()}
            decided |= {f"{resource.name}.{field}": count for field, count in resource.decided.items()}
    print(_places("plain fields together", plain))
    print(_places("fields that are decided by", decided))
    return 0


def _places(head: str, places: dict[str, int]) -> str:
    if not places:
        return f"{head:<38}{0:>3}"
    worst = max(places, key=lambda field: places[field])
    counts = list(places.values())
    return f"{head:<38}{len(counts):>3}{min(counts):>7}{median(counts):>8g}{max(counts):>7} {worst}"


def _line(name: str, count: int, lines: int) -> str:
    return f"{name:<14}{count:>11}{lines:>7}{(f'{lines / count:.0f}' if count else '-'):>12}"


if __name__ == "__main__":
    sys.exit(main())
