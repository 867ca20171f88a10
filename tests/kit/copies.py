"""Many rows like one: what lists, plans and benchmarks of large tables are tried on. Nobody is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import asyncpg

AS_TIME_GOES: str = (
    "(lpad(to_hex(floor(extract(epoch from {at}) * 1000)::bigint), 12, '0') || '4'"
    " || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid"
)
"""An id as a live tenant gives it at an instant, of the number `n` of a copy."""


async def copied(
    owner: asyncpg.Connection, table: str, row_id: UUID, count: int, changed: Mapping[str, str], *, first: int = 1
) -> None:
    """So many copies of a row; `changed` has, by column, an expression over the row `o` and the copy's number `n`."""
    names = "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0 and not attisdropped"
    columns = [row[0] for row in await owner.fetch(names, table)]
    assert {*changed} <= {*columns}
    chosen = ", ".join(changed.get(column, f"o.{column}") for column in columns)
    await owner.execute(
        f"insert into {table} ({', '.join(columns)}) select {chosen} from {table} o,"
        f" generate_series({first}, {first + count - 1}) n where o.id = '{row_id}'"
    )
