"""Makes or refreshes `.venv`: `python tools/setup.py runtime|dev`; says nothing when nothing is to do.

Why: a file of its own instead of Makefile lines, because what is installed must be decided by content, not by
modification times, which a fresh clone does not keep. Only the standard library is available here.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = {"runtime": ROOT / "requirements" / "runtime.txt", "dev": ROOT / "requirements" / "dev.txt"}
COMPILED = {"runtime": ("src",), "dev": ("src", "tests", "tools")}


def fingerprint(kind: str) -> str:
    """What an installation of this kind was made from: interpreter, place, pins, and how the package is laid out."""
    digest = hashlib.sha256()
    for part in (platform.python_version(), platform.machine(), sys.base_prefix, str(ROOT)):
        digest.update(part.encode() + b"\0")
    for file in (REQUIREMENTS[kind], ROOT / "pyproject.toml", Path(__file__)):
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def stamp(kind: str) -> Path:
    return VENV / f".openvest-{kind}"


def is_current(kind: str) -> bool:
    """Whether the environment holds at least this kind; the development set includes the runtime."""
    kinds = ("runtime", "dev") if kind == "runtime" else ("dev",)
    if not PYTHON.exists() or not (VENV / "bin" / "openvest").exists():
        return False
    return any(stamp(one).exists() and stamp(one).read_text() == fingerprint(one) for one in kinds)


def run(*command: str | Path) -> None:
    """Run a step quietly; what it printed is shown only when it fails."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PIP_USER", "PIP_TARGET", "PIP_PREFIX"}}
    clean |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_REQUIRE_VIRTUALENV": "0"}
    done = subprocess.run(command, cwd=ROOT, env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        words = " ".join(str(word) for word in command)
        raise SystemExit(f"Setting up stopped at: {words}\nThe lines above say why; mend that and run make again.")


def use_base_interpreter() -> None:
    """Go on under the interpreter below the environment: what may be replaced must not be what is running."""
    if sys.prefix != sys.base_prefix:
        os.execv(sys._base_executable, [sys._base_executable, "-I", *sys.argv])


def make_environment() -> None:
    """Create `.venv` anew unless the one that stands was made here by the same interpreter."""
    mark = VENV / ".openvest-base"
    base = f"{platform.python_version()} {sys.base_prefix} {VENV}"
    if PYTHON.exists() and mark.exists() and mark.read_text() == base:
        return
    if VENV.exists():
        shutil.rmtree(VENV)
    run(sys.executable, "-m", "venv", VENV)
    mark.write_text(base)


def install(kind: str) -> None:
    """Install the pinned packages and OpenVest itself, editable, with nothing fetched beyond the pins."""
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--no-warn-script-location")
    run(*pip, "--require-hashes", "--no-deps", "--requirement", REQUIREMENTS[kind])
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT)
    # Else the workers of the first `make test` would all do it, each for itself.
    run(PYTHON, "-m", "compileall", "-q", *(ROOT / folder for folder in COMPILED[kind]))
    if kind == "dev":
        # pytest compiles what it collects in a way of its own. What cannot be collected is told by `make test`.
        subprocess.run((PYTHON, "-m", "pytest", "-qq", "--collect-only", "tests"), cwd=ROOT, capture_output=True)
    stamp(kind).write_text(fingerprint(kind))


def main(kind: str) -> None:
    if is_current(kind):
        return
    started = time.monotonic()
    with Path(__file__).open() as lock:
        # Two makes at once: the second waits here and then finds everything done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(kind):
            return
        use_base_interpreter()
        print(f"Setting up .venv ({kind}, Python {platform.python_version()}) …", flush=True)
        make_environment()
        install(kind)
    print(f"Ready in {time.monotonic() - started:.0f} s.", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in REQUIREMENTS:
        raise SystemExit("usage: python tools/setup.py runtime|dev")
    try:
        main(sys.argv[1])
    except OSError as error:
        raise SystemExit(
            f"Setting up stopped: {error}. Make {VENV} writable or remove it, then run make again."
        ) from None
