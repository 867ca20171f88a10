"""Holds the subject of a commit to its form: `python tools/commit_subject.py FILE`, the commit-msg hook.

`AREA: what changed`, at most 72 characters. An area is a feature, or a folder or module that the change is in.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 72
FORM = re.compile(r"(?P<areas>[\w-]+(?:, [\w-]+)*): \S.*")
MADE_BY_GIT = ("Merge ", "Revert ", "fixup! ", "squash! ", "amend! ")
WITHOUT_FOLDER = ("build", "ci", "requirements")
"""Areas that are files of the root: the Makefile and pyproject.toml, what CI runs, the pins."""


def areas(root: Path = ROOT) -> set[str]:
    """The names a subject may begin with: whatever has a folder of its own, and the modules beside the layers."""
    package = root / "src" / "openvest"
    folders = (root, root / "tests", package, package / "features")
    entries = [entry for folder in folders for entry in folder.iterdir() if not entry.name.startswith((".", "_"))]
    named = {entry.name for entry in entries if entry.is_dir()}
    return {*named, *(file.stem for file in package.glob("[a-z]*.py")), *WITHOUT_FOLDER}


def fault(message: str, known: set[str]) -> str | None:
    """What is wrong with the subject of a message, in a sentence; None: nothing."""
    subject = next((line for line in message.splitlines() if line and not line.startswith("#")), "")
    if subject.startswith(MADE_BY_GIT):
        return None
    if len(subject) > LENGTH:
        return f"The subject has {len(subject)} characters; {LENGTH} is the most."
    form = FORM.fullmatch(subject)
    if form is None:
        return f"The subject is not of the form `area: what changed`: {subject!r}."
    unknown = sorted(set(form["areas"].split(", ")) - known)
    if unknown:
        return f"There is no area {', '.join(unknown)}; there are {', '.join(sorted(known))}."
    return None


def main(arguments: Sequence[str]) -> int:
    said = fault(Path(arguments[0]).read_text(encoding="utf-8"), areas())
    if said:
        print(said, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
