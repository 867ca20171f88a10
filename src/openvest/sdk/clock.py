"""The wall clock of whoever calls the API; signatures are dated by it."""

import time


def unix_seconds() -> float:
    """Seconds since 1970."""
    return time.time()
