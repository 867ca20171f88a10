"""The log: one line of JSON per event, dated by wire time.

Never in it: secrets, tokens, header values, bodies, query strings or ids from the path.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, TextIO

from openvest.core.clock import WireClock
from openvest.core.snapshots import text_of

_PLACES = 12


@dataclass(frozen=True, slots=True)
class Log:
    """Writes lines to a stream, each at once. How grave something is, its event says; the three names are for readers
    of the code."""

    wire: WireClock
    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def info(self, event: str, *, error: BaseException | None = None, **facts: Any) -> None:
        """Raises: TypeError for a fact that has no text form."""
        if error is not None:
            facts |= _place_of(error)
        self.stream.write(f"{text_of({**facts, 'event': event, 'at': self.wire.now()})}\n")
        self.stream.flush()

    warning = error = info


def _place_of(error: BaseException) -> dict[str, Any]:
    """Where a fault happened, without its text: the text of a driver's error repeats values."""
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('openvest/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"fault": type(error).__name__, "trace": places[-_PLACES:]}
