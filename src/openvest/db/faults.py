"""Whose fault an exception is: of the way to the database, of the database or the machine, or of what was asked of it.

Three kinds, and what each allows. Down: what became of the unit is not known; nobody can go on without the server.
Passing: the server refused or ended the statement for a reason of its own (locks, time, memory, disk, a restart, a
changed schema); the same work may succeed later as it is. Everything else is of the work itself: data that does not
fit, a rule that raised.

Source: DOMAIN.md section 5; PostgreSQL, appendix A (error codes).
"""

from __future__ import annotations

import re

import asyncpg

DOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What says that the server or the way to it is gone. The driver's own confusion, met when a connection breaks in the
middle of an answer, is among it: what became of the unit is not known then."""

AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""What the owner of a unit tries again at once: two units met, and one of them was asked to step back."""

_GIVEN = re.compile(r"the server expects \d+ argument|query argument")
_OF_THE_WORK = frozenset({"21", "22", "23", "44", "P0"})
"""Classes of SQL states that say something of the rows at hand: cardinality, data, constraints, a view's check, what a
trigger of ours raises. All others tell of the server, the session, the schema or its grants."""


def is_misuse(error: BaseException) -> bool:
    """Whether the driver could not send what it was given: a fault of ours, which no waiting mends."""
    return isinstance(error, asyncpg.InterfaceError) and _GIVEN.search(str(error)) is not None


def is_passing(error: BaseException) -> bool:
    """Whether the database or the machine is at fault, so that the same work may succeed later as it is."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "")[:2] not in _OF_THE_WORK
    return isinstance(error, (*DOWN, MemoryError)) and not is_misuse(error)
