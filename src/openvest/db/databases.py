"""Further databases on the embedded server, made fast from a template. For tests and benchmarks."""

from __future__ import annotations

import re

import asyncpg

from openvest.db.address import OWNER_ROLE, DatabaseAddress
from openvest.db.cluster import grants

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


async def create_database(address: DatabaseAddress, name: str, template: str | None = None) -> None:
    """Make a database of the owner role, empty or a copy of one that nobody is connected to. Raises: ValueError."""
    copied = f" TEMPLATE {_checked(template)}" if template is not None else ""
    await _as_superuser(address, f"CREATE DATABASE {_checked(name)} OWNER {OWNER_ROLE}{copied}", *grants(name))


async def drop_database(address: DatabaseAddress, name: str) -> None:
    """Delete a database, ending the connections to it. Raises: ValueError."""
    await _as_superuser(address, f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no plain database name")
    return name


async def _as_superuser(address: DatabaseAddress, *statements: str) -> None:
    connection = await asyncpg.connect(address.superuser_dsn())
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
