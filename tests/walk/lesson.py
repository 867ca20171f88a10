"""What `docs/add-a-feature.md` tells its reader to write, as edits: the page is the only place where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.controls.planting import Edit
from tests.gates.scratch import ROOT

PAGE = Path("docs") / "add-a-feature.md"
_BLOCK = re.compile(r'^```(?P<kind>\w+) title="(?P<file>[^"]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)


def lesson(root: Path = ROOT) -> Sequence[Edit]:
    """Every block that names a file, in the order of the page: whole files, and changes of files that are there. NNNN
    is the next number of a migration."""
    last = max(int(file.name.partition("_")[0]) for file in (root / "migrations").glob("[0-9]*.sql"))
    page = (root / PAGE).read_text(encoding="utf-8").replace("/NNNN_", f"/{last + 1:04}_")
    return [edit for block in _BLOCK.finditer(page) for edit in _edits(**block.groupdict())]


def _edits(kind: str, file: str, text: str) -> Iterator[Edit]:
    if kind != "diff":
        yield Edit(file, "", text)
        return
    for hunk in re.split(r"^@@\n", text, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] in kinds) for kinds in (" -", " +"))
        yield Edit(file, before, after)
