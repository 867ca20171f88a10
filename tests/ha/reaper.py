"""Ends whatever runs in a folder, once nobody is left who would: `python -m tests.ha.reaper FOLDER`.

It waits for the end of its standard input, which comes with the end of whoever started it, whatever that was. Patroni
lets its PostgreSQL go on alone, so processes are found by where they live and not by whose children they are.
"""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil


def living_in(folder: Path) -> list[psutil.Process]:
    """Processes that were started with a path in this folder, or work in it, who start others first."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            arguments, place = " ".join(process.cmdline()), process.cwd()
            if process.pid != psutil.Process().pid and (str(folder) in arguments or place.startswith(str(folder))):
                found.append(process)
    return sorted(found, key=lambda process: "patroni" not in process.name())


def main(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.read()
    while found := living_in(folder):
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
