"""What a million order lives take on the disk, by table: `python -m tests.bench.sizes [--lives N]`.

Each life is of an account of its own, so what grows per position and not per life is in it too. Nothing is measured
against a floor: lives per second say how fast this machine was, not how fast OpenVest is (`make bench`).
"""

from __future__ import annotations

import argparse
import asyncio

import asyncpg

from tests.bench.lives import lives_per_second
from tests.bench.world import Bench, bench_world
from tests.kit.cluster import Cluster, start_cluster

MILLION = 1_000_000
SETTLED_AT_ONCE = 500
_SIZES = """
select c.relname::text as name, pg_total_relation_size(c.oid) as bytes from pg_class c
 where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
"""


async def _sizes(bench: Bench, *, packed: bool = False) -> dict[str, int]:
    superuser = await asyncpg.connect(bench.cluster.dsn(bench.name, "postgres"))
    try:
        if packed:
            await superuser.execute("vacuum full")
        return {row["name"]: row["bytes"] for row in await superuser.fetch(_SIZES)}
    finally:
        await superuser.close()


async def measure(cluster: Cluster, lives: int) -> None:
    """Print what so many lives have added, for a million of them."""
    async with bench_world(cluster, lives) as bench:
        packed_before = await _sizes(bench, packed=True)
        rate, _ = await lives_per_second(bench, lives, SETTLED_AT_ONCE)
        grown, packed = await _sizes(bench), await _sizes(bench, packed=True)
    each = MILLION / lives / 1e9
    print(f"{lives:,} lives, {rate:.0f} per second")
    print(f"{'GB per million lives':<28}{'as grown':>10}{'packed':>10}")
    added = {name: (grown[name] - was, packed[name] - was) for name, was in packed_before.items()}
    for name, (loose, tight) in sorted(added.items(), key=lambda one: -one[1][0]):
        if loose * each >= 0.05:
            print(f"{name:<28}{loose * each:>10.1f}{tight * each:>10.1f}")
    print(
        f"{'all':<28}{sum(a for a, _ in added.values()) * each:>10.1f}{sum(b for _, b in added.values()) * each:>10.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench.sizes")
    parser.add_argument(
        "--lives", type=int, default=3_000, help="orders that are brought from acceptance to settlement"
    )
    given = parser.parse_args()
    cluster = start_cluster(durable=True)
    try:
        asyncio.run(measure(cluster, given.lives))
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
