"""How long a process may take to end, and how its parts share that time.

Nothing that was acknowledged hangs on an orderly end: commits are in the database, leases run out, and whoever got no
answer sends the request again. So each part gets its share of the time, and what hangs is cut off.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

END_SECONDS = 9.5
"""From SIGTERM to the end of the process, whatever hangs."""


class Ending(threading.Event):
    """Set when a process is to end and waits for nobody any longer.

    `cut_off` is called in a thread of its own where the time is over and the process still there.
    """

    def __init__(self, seconds: float = END_SECONDS, cut_off: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.seconds = seconds
        self._cut_off = cut_off
        self._begun: float | None = None

    def set(self) -> None:
        if self._begun is None:
            self._begun = time.monotonic()
            if self._cut_off is not None:
                timer = threading.Timer(self.seconds, self._cut_off)
                timer.daemon = True
                timer.start()
        super().set()

    def left(self, share: float, most: float) -> float:
        """Seconds until a share of the whole time is over, at most so many, which is what there is without a hurry."""
        if self._begun is None:
            return most
        return min(most, max(0.0, self._begun + share * self.seconds - time.monotonic()))
