"""A scratch copy of the tree in which the walk has been done, and programs that run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.controls.planting import Edit, apply
from tests.gates.catalog import GATES
from tests.gates.scratch import scratch_copy
from tests.walk.lesson import lesson

QUICK = "tests/gates/test_gates.py::test_a_quick_gate_passes"
BIN = Path(sys.executable).parent
FEATURE = "roles"
FOLDER = f"src/openvest/features/{FEATURE}"
TESTS = f"tests/features/{FEATURE}"
_PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
CHECKS: Mapping[str, Sequence[str | Path]] = {
    "style": (BIN / "ruff", "check", "."),
    "format": (BIN / "ruff", "format", "--check", "."),
    "types": (BIN / "pyright", FOLDER, "src/openvest/core"),
    "layers": (BIN / "lint-imports", "--no-logo"),
    "tests": (*_PYTEST, TESTS, f"{QUICK}[{GATES['declared'].name}]"),
}
"""What the copy is held to in `make test`, in seconds."""
EVERYTHING: Sequence[str | Path] = (*_PYTEST, "tests/architecture", QUICK)
"""What `make walk` holds it to beside."""


@contextmanager
def walked() -> Generator[Path]:
    """The tree after the last step of the page, its pages made anew."""
    with scratch_copy() as root:
        apply(lesson(), root)
        (root / ".venv").symlink_to(sys.prefix)
        for module in ("tools.docs", "tools.schema"):
            made = run(root, sys.executable, "-m", module)
            assert made.returncode == 0, made.stdout
        yield root


def run(root: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of our environment in the copy, which imports the copy and not this tree."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    paths = os.pathsep.join((str(root / "src"), str(root)))
    quiet = {"NO_COLOR": "1", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    return subprocess.run(
        command,
        cwd=root,
        env={**ours, **quiet, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def changed(root: Path, edits: Sequence[Edit]) -> Generator[None]:
    """The copy with these edits, as long as the block lasts."""
    before = {file: (root / file).read_text(encoding="utf-8") for file in {edit.file for edit in edits}}
    try:
        apply(edits, root)
        yield
    finally:
        for file, text in before.items():
            (root / file).write_text(text, encoding="utf-8")
