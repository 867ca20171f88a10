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


class DatabaseDown(Exception):
    """The database cannot be reached or was lost on the way; what became of an open unit is not known."""


class TooBusy(DatabaseDown):
    """No connection or no turn came free in time; nothing was begun, and the same may be asked again."""


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

HELD = asyncpg.LockNotAvailableError
"""Somebody else held for too long what the statement waited for; it has done nothing."""

AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""What the owner of a unit tries again at once: two units met, and one of them was asked to step back."""

_GIVEN = re.compile(r"the server expects \d+ argument|query argument")
_UNAVAILABLE = frozenset({"08", "40", "53", "55", "57", "58", "XX"})
"""Classes of SQL states that say what no statement is to blame for: the way there, who met whom, room on the disk and
in memory, who holds what, an operator's hand, the machine below, a damaged page."""
_UNAVAILABLE_STATES = frozenset({"25006", "25P03", "25P04"})
"""A server that only reads for now, and a session that was ended because its transaction stood still or took long."""
_OF_THE_WORK = frozenset({"21", "22", "23", "44", "P0"})
"""Classes of SQL states that say something of the rows at hand: cardinality, data, constraints, a view's check, what a
trigger of ours raises. All others tell of the server, the session, the schema or its grants."""


def is_partly_down(error: BaseException) -> bool:
    """Whether a server that lives says that it cannot reach a machine behind it, which holds some tenants and not all.

    What was asked was not done. The driver never makes this of a connection that it lost itself.
    """
    return isinstance(error.__cause__, asyncpg.ConnectionFailureError)


def is_misuse(error: BaseException) -> bool:
    """Whether the driver could not send what it was given: a fault of ours, which no waiting mends."""
    return isinstance(error, asyncpg.InterfaceError) and _GIVEN.search(str(error)) is not None


def is_passing(error: BaseException) -> bool:
    """Whether the database or the machine is at fault, so that the same work may succeed later as it is."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "")[:2] not in _OF_THE_WORK
    return isinstance(error, (*DOWN, DatabaseDown, MemoryError)) and not is_misuse(error)


def is_unavailable(error: BaseException) -> bool:
    """Whether a client may be told to send the same again: what passes, but not what a statement of ours got wrong.

    Why narrower than `is_passing`: a statement that does not fit the schema waits for an operator, and is a fault that
    somebody must see. What is among DOWN comes as DatabaseDown from whoever held the connection, or is not of it.
    """
    if isinstance(error, DOWN):
        return False
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate or "")
        if isinstance(error, asyncpg.InvalidCachedStatementError):
            return True  # a migration ran beside it, and the next attempt prepares anew
        return state[:2] in _UNAVAILABLE or state in _UNAVAILABLE_STATES
    return isinstance(error, DatabaseDown | MemoryError)
