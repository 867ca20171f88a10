"""Which process listens on a port, where the system says so (Linux, and processes of this user unless it is root)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
_LISTENS = "0A"


def listener(port: int) -> int | None:
    """The process that listens on a port; None where nobody does or nobody says."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    if not sockets:
        return None
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            if any(os.readlink(held) in sockets for held in (folder / "fd").iterdir()):
                return int(folder.name)
    return None


def _inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                parts = line.split()
                if parts[3] == _LISTENS and int(parts[1].rpartition(":")[2], 16) == port:
                    yield parts[9]


def name_of(process: int) -> str:
    """What a process is called, for people."""
    try:
        words = (PROC / str(process) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    return " ".join([Path(words[0]).name, *words[1:4]]).strip()


def descends(process: int, from_process: int) -> bool:
    """Whether this is that process or one it started, at any remove."""
    while process > 1:
        if process == from_process:
            return True
        try:
            stat = (PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        # The name stands in parentheses and may hold anything; what follows it is state and parent.
        process = int(stat.rpartition(")")[2].split()[1])
    return False
