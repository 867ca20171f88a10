"""How this program's processes treat Python's collector."""

from __future__ import annotations

import gc

FRESH_OBJECTS = 50_000


def collect_rarely() -> None:
    """Look for cycles after many new objects only, and never again among what the start has made.

    Why: a set of 500 rows makes a hundred thousand small objects that all die with their unit; the default walks them
    again and again, which measured a tenth of a worker's time. What cycles there are is collected still.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(FRESH_OBJECTS, 20, 20)
