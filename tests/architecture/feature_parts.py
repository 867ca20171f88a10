"""All features look alike: the same parts under the same names, and a story that answers the same questions."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.tree import PACKAGE, Findings

PARTS = ("model", "rules", "store", "service", "sweeps", "v1", "lite", "feature")
"""What every feature has; a part with nothing to say says so in its docstring."""

DECLARED = {"feature": ("FEATURE",)}
"""What the catalog reads, by part."""

STORY = {"*": "its nouns", "Life": "their life", "oney": "how money moves", "Source:": "its sources"}
"""What the story of a feature holds, and what is missing where it does not."""


def feature_parts(root: Path) -> Findings:
    """Every feature folder has the parts, each with a docstring, its tables, and a story in its package."""
    found = Findings()
    for folder in sorted((root / PACKAGE / "features").glob("*/__init__.py")):
        feature = folder.parent.name
        found.looked_at += 1
        story = ast.get_docstring(ast.parse(folder.read_text(encoding="utf-8"))) or ""
        for mark, what in STORY.items():
            if mark not in story:
                found.say(feature, f"its story does not tell {what}")
        for part in PARTS:
            file = folder.parent / f"{part}.py"
            if not file.is_file():
                found.say(feature, f"has no {part}.py")
                continue
            tree = ast.parse(file.read_text(encoding="utf-8"))
            if not ast.get_docstring(tree):
                found.say(feature, f"{part}.py does not say what it is")
            for name in DECLARED.get(part, ()):
                if name not in assigned(tree):
                    found.say(feature, f"{part}.py has no {name}")
    return found


def assigned(tree: ast.Module) -> set[str]:
    """The names a module gives values to, or imports, at its top."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names
