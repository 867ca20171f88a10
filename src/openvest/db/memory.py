"""What the embedded server takes of the machine's memory, and how it reads from its disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
LEAST_MB, MOST_MB = 128, 1024
READS_AHEAD_MB = 8 * 1024
"""From here on a database is expected to outgrow its memory, so that reading ahead is worth three processes more."""


def machine_mb() -> int:
    """Memory of the machine, or of the container that holds us to less. Units: mebibytes."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in _LIMITS:
        try:
            sizes.append(int(file.read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue  # No container, or one without a limit, which says `max`.
    return min(sizes) // 2**20


def memory_settings(memory_mb: int, major: int) -> Mapping[str, str]:
    """Settings for so much memory. Why an eighth, and a gibibyte at most: the rest is the file cache's, the program's
    and everybody else's, and each gibibyte of buffers costs a server at rest 12 MB."""
    values = {
        "shared_buffers": f"{min(max(memory_mb // 8, LEAST_MB), MOST_MB)}MB",
        "effective_cache_size": f"{max(memory_mb // 2, 2 * LEAST_MB)}MB",
        "maintenance_work_mem": f"{min(max(memory_mb // 64, 64), 512)}MB",
    }
    if major >= 18:
        values["io_method"] = "worker" if memory_mb >= READS_AHEAD_MB else "sync"
    return values
