"""Look at this tree and say what a cluster would: `python -m tests.architecture.distribution`."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.architecture.distribution.lint import exceptions, judged, report
from tests.kit.cluster import OWNER, TEMPLATE, start_cluster


async def main(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        found = await report(connection)
    finally:
        await connection.close()
    reasons = exceptions()
    wrong = judged(found.findings, reasons)
    print("\n".join(wrong + found.lines()))
    print(f"{sum(map(len, reasons.values()))} exceptions with a reason; {len(wrong)} unreasoned")
    return 1 if wrong else 0


if __name__ == "__main__":
    cluster = start_cluster()
    try:
        code = asyncio.run(main(cluster.dsn(TEMPLATE, OWNER)))
    finally:
        cluster.stop()
    raise SystemExit(code)
