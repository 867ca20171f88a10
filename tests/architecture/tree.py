"""What the layout rules look at: the files of a tree, and what a rule found in them."""

from __future__ import annotations

import ast
import io
import shutil
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = "src/openvest"


@dataclass
class Findings:
    """What a rule saw: how many files it read, and one sentence for every violation."""

    looked_at: int = 0
    sentences: list[str] = field(default_factory=list[str])

    def say(self, place: str, sentence: str) -> None:
        self.sentences.append(f"{place}: {sentence}")


Rule = Callable[[Path], Findings]


@dataclass(frozen=True)
class Source:
    """One Python file: its path below the root with forward slashes, its text and its tree."""

    path: str
    text: str
    tree: ast.Module


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a source. Every rule reads all files, and nobody changes a tree."""
    return ast.parse(text)


def python_sources(root: Path, *folders: str) -> Iterator[Source]:
    """Every Python file below the folders (files are taken as they are), in order of their paths."""
    for folder in folders:
        start = root / folder
        files = [start] if start.is_file() else sorted(start.rglob("*.py"))
        for file in files:
            text = file.read_text(encoding="utf-8")
            yield Source(file.relative_to(root).as_posix(), text, parsed(text))


def comments(source: Source) -> Iterator[tuple[int, str]]:
    """Line number and text of every comment; strings that look like comments are none."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def strings(source: Source) -> Iterator[tuple[int, str]]:
    """Line number and text of every string that is not a docstring, the fixed parts of f-strings included."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def tracked_files(root: Path) -> Iterator[Path]:
    """The files of the repository: what git tracks, or every file where the tree came without git."""
    if (root / ".git").exists() and shutil.which("git"):
        # Somebody may test a checkout that another user made; listing its files is no danger.
        git = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z"]
        listing = subprocess.run(git, capture_output=True, check=True).stdout
        names = [name for name in listing.decode().split("\0") if name]
        # A file that is deleted but not yet committed is still listed.
        yield from (root / name for name in names if (root / name).is_file() and not (root / name).is_symlink())
    else:
        skipped = {".venv", "var", "__pycache__", "node_modules"}
        for file in sorted(root.rglob("*")):
            if file.is_file() and not file.is_symlink() and not skipped & set(file.relative_to(root).parts):
                yield file


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name of a file stands for, for example `dt` → `datetime`, `now` → `datetime.now`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = alias.name
                else:
                    top = alias.name.partition(".")[0]
                    names[top] = top
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """The full dotted name an expression stands for, empty when it is none that was imported."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute) and (front := dotted(node.value, names)):
        return f"{front}.{node.attr}"
    return ""
