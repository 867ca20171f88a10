"""What a tree is told of its features' parts: `python -m tests.walk.told DSN`, a sentence a line.

The rules themselves stand elsewhere, in the gate `declared`, beside the samples and in tests/architecture/catalogue.py,
and are held against the whole tree there. The database at DSN has the tree's own migrations.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import asyncpg

from openvest.catalog import FEATURES, LIFECYCLES
from tests.architecture.catalogue import closing_blocked, homes, lives
from tests.gates.matrix_declared import not_assembled, program, untold_events
from tests.kit.samples import SAMPLES, missing


async def sentences(dsn: str) -> AsyncIterator[str]:
    for sentence in (*sorted(set(not_assembled(program()))), *untold_events()):
        yield sentence
    for feature in FEATURES:
        for sentence in missing(feature, SAMPLES[feature.name]):
            yield sentence
    connection = await asyncpg.connect(dsn)
    try:
        for rule in (lives(LIFECYCLES), homes(FEATURES), closing_blocked(FEATURES)):
            for sentence in await rule(connection):
                yield sentence
    finally:
        await connection.close()


async def main(dsn: str) -> None:
    async for sentence in sentences(dsn):
        print(sentence)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
