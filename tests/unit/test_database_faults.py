"""Whose fault an exception of the database is: the table that decides whether work is tried again or set aside."""

from __future__ import annotations

import asyncpg
import pytest

from openvest.db.faults import DatabaseDown, TooBusy, is_misuse, is_passing, is_unavailable
from openvest.db.unit import Database

PASSING = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.OutOfMemoryError,
    asyncpg.DiskFullError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalServerError,
    asyncpg.InterfaceError,
    ConnectionResetError,
    TimeoutError,
    MemoryError,
)
OF_THE_WORK = (
    asyncpg.CheckViolationError,
    asyncpg.UniqueViolationError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.RaiseError,
    ArithmeticError,
    KeyError,
    ValueError,
)


UNAVAILABLE = (
    DatabaseDown,
    TooBusy,
    MemoryError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.PostgresIOError,
    asyncpg.DataCorruptedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,
)
SEEN_BY_SOMEBODY = (
    asyncpg.UndefinedColumnError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.CheckViolationError,
    asyncpg.ConnectionDoesNotExistError,
    OSError,
    TimeoutError,
    KeyError,
)


@pytest.mark.parametrize("kind", UNAVAILABLE)
def test_what_a_client_is_told_to_send_again(kind: type[Exception]) -> None:
    assert is_unavailable(kind("x"))


@pytest.mark.parametrize("kind", SEEN_BY_SOMEBODY)
def test_what_is_a_fault_that_somebody_must_see(kind: type[Exception]) -> None:
    assert not is_unavailable(kind("x"))


@pytest.mark.parametrize("kind", PASSING)
def test_what_the_database_or_the_machine_did_may_succeed_later(kind: type[Exception]) -> None:
    assert is_passing(kind("x"))


@pytest.mark.parametrize("kind", OF_THE_WORK)
def test_data_that_does_not_fit_and_rules_that_raise_are_of_the_work(kind: type[Exception]) -> None:
    assert not is_passing(kind("x"))


@pytest.mark.anyio
async def test_a_value_the_driver_cannot_send_is_ours(database: Database) -> None:
    for args in (("no number",), (1, 2)):
        async with database.connection() as connection:
            with pytest.raises((asyncpg.DataError, asyncpg.InterfaceError)) as found:
                await connection.fetch("select $1::integer", *args)
        assert not is_passing(found.value)
        assert is_misuse(found.value) or isinstance(found.value, asyncpg.DataError)
