"""A scratch copy of the tree, and a gate run in it by a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from tests.gates.gate import Gate, Size

ROOT = Path(__file__).resolve().parents[2]


class NoVerdict(Exception):
    """A gate's process ended without saying anything that can be read, or was given up."""


@contextmanager
def scratch_copy() -> Generator[Path]:
    """All files of the tree that git knows or would, in a folder that goes away again.

    With their times and what Python has compiled of them, so that a program there compiles only what is changed.
    """
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    folder = Path(tempfile.mkdtemp(prefix="ovc"))
    try:
        for name in filter(None, names.split("\0")):
            source, target = ROOT / name, folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
                compiled = Path(cache_from_source(source))
                if source.suffix == ".py" and compiled.exists():
                    there = Path(cache_from_source(target))
                    there.parent.mkdir(exist_ok=True)
                    shutil.copyfile(compiled, there)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def run_gate(
    gate: Gate, size: Size, seed: int, *, root: Path = ROOT, changed: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Run one gate of a tree in a process of its own; its verdict. Raises: NoVerdict."""
    command: Sequence[str] = [
        sys.executable, "-m", "tests.gates.one", gate.key, "--size", size, "--seed", str(seed),
        *(part for name, value in (changed or {}).items() for part in ("--set", f"{name}={value}")),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}", "PYTHONDONTWRITEBYTECODE": "1"}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=root,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(60 * gate.minutes * (10 if size == "night" else 1)):
            said, _ = await process.communicate()
    except TimeoutError:
        raise NoVerdict(f"{gate.name} was given up after its time") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    lines = said.decode(errors="replace").splitlines()
    with suppress(ValueError, IndexError):
        told = json.loads(lines[-1])
        if told.get("gate") == gate.key:
            return {**told, "said": lines[:-1]}
    raise NoVerdict(f"{gate.name} ended with {process.returncode}: " + "\n".join(lines[-30:]))
