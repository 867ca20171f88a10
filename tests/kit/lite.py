"""A throwaway lite, put where each feature's own one stands in a scratch copy, and named nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

RESOURCES = "tests/resources/lite"


def put_in_place(root: Path) -> None:
    """Let every file take the place of `lite.py` in the feature of its name."""
    for file in (root / RESOURCES).glob("[a-z]*.py"):
        shutil.copyfile(file, root / "src" / "openvest" / "features" / file.stem / "lite.py")
