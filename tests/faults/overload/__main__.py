"""`make overload`: a server under idle, slow and large requests, and how long its clients wait meanwhile.

A client sends signed orders and reads at even intervals, whatever became of those before; how long each took counts
from when it was due. Its 99th percentile must stay under the limit, and every request must be answered as in calm.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import aiohttp

from openvest.core.clock import monotonic_ns
from tests.faults.crash.run import SCOPE, furnished
from tests.faults.overload.attack import Attack
from tests.faults.overload.room import missing
from tests.kit.orders import X
from tests.kit.stage import free_ports, staged
from tests.kit.wire import Reply, Wire
from tests.repeat.life import Person

LIMIT_MS = 100
CALM_SECONDS = 10
PEOPLE = 4


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.overload", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long the server is held busy")
    parser.add_argument("--rate", type=int, default=50, help="healthy requests per second")
    parser.add_argument("--workers", type=int, default=1, help="processes of the server that share its port")
    parser.add_argument("--idle", type=int, default=10_000, help="connections that say nothing")
    parser.add_argument("--slow-heads", type=int, default=500, help="connections with a byte of a head every 0.5 s")
    parser.add_argument("--slow-bodies", type=int, default=500, help="connections with 1 KB of a body every 0.5 s")
    parser.add_argument("--bodies", type=int, default=300, help="large bodies sent at once, in waves 5 s apart")
    parser.add_argument("--body-bytes", type=int, default=900_000, help="of one large body")
    return parser.parse_args(arguments)


@dataclass
class Felt:
    """What a client felt: milliseconds from when each request was due, and what was answered otherwise than in calm."""

    milliseconds: list[float] = field(default_factory=list[float])
    odd: Counter[str] = field(default_factory=Counter[str])

    def percentile(self, share: float) -> float:
        return sorted(self.milliseconds)[int(share * (len(self.milliseconds) - 1))]

    def line(self, when: str) -> str:
        p50, p99, most = (self.percentile(share) for share in (0.5, 0.99, 1))
        count = len(self.milliseconds)
        return f"{when:9} {count:6,} healthy requests   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   max {most:6.1f} ms"


async def ask(wire: Wire, people: Sequence[Person], seconds: int, rate: int) -> Felt:
    """So many requests per second, orders and reads by turns."""
    felt, begun = Felt(), monotonic_ns()

    async def one(number: int) -> None:
        due = begun + number * 1_000_000_000 // rate
        await asyncio.sleep((due - monotonic_ns()) / 1e9)
        person = people[number // 2 % len(people)]
        try:
            reply = await (_order(wire, person) if number % 2 else wire.send("GET", f"/accounts/{person.account_id}"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            felt.odd[type(error).__name__] += 1
        else:
            if reply.status != (202 if number % 2 else 200):
                felt.odd[f"answered {reply.status}"] += 1
        felt.milliseconds.append((monotonic_ns() - due) / 1e6)

    await asyncio.gather(*(one(number) for number in range(seconds * rate)))
    return felt


async def _order(wire: Wire, person: Person) -> Reply:
    body = {
        "user_id": person.user_id,
        "account_id": person.account_id,
        "side": "BUY",
        "instrument_id": X,
        "instrument_id_type": "ISIN",
        "cash_amount": "1.00",
    }
    return await wire.send("POST", "/orders", body, uuid4())


@asynccontextmanager
async def attacked(attack: Attack) -> AsyncGenerator[None]:
    """The server is held busy within the block; what became of the attackers is printed after it."""
    words = (sys.executable, "-m", "tests.faults.overload.attack")
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(attack.text.encode() + b"\n")
        if await process.stdout.readline() != b"standing\n":
            raise RuntimeError("the attackers ended before all of them were there")
        yield
        process.stdin.close()
        for what, count in json.loads(await process.stdout.readline()).items():
            print(f"{count:8,} {what}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def main(asked: argparse.Namespace) -> int:
    (port,) = free_ports(1)
    attack = Attack(port, asked.idle, asked.slow_heads, asked.slow_bodies, asked.bodies, asked.body_bytes)
    if said := missing(attack):
        print("\n".join(said), file=sys.stderr)
        return 2
    workers = ("--workers", str(asked.workers)) if asked.workers > 1 else ()
    many = aiohttp.TCPConnector(limit=0)
    async with (
        staged() as stage,
        aiohttp.ClientSession(connector=many) as http,
    ):
        await stage.start("serve", "serve", "--port", str(port), "--pace", "instant", *workers)
        made = [stage.create_client(name, "--pace", "instant", "--licence", "TOL") for name in ("Healthy", "Heavy")]
        healthy, heavy = (Wire(http, f"http://127.0.0.1:{port}", known, SCOPE) for known in made)
        people = await furnished([healthy], PEOPLE)
        await heavy.ensure_token()
        assert heavy.token is not None
        known = heavy.credentials
        attack = replace(
            attack,
            client_id=known.client_id,
            key_id=known.key_id,
            private_pem=known.private_pem.decode(),
            token=heavy.token,
        )
        print((await ask(healthy, people, CALM_SECONDS, asked.rate)).line("calm"), flush=True)
        async with attacked(attack):
            print(f"{attack.standing:,} connections stand, and {attack.bodies} large bodies come at once", flush=True)
            felt = await ask(healthy, people, asked.seconds, asked.rate)
        for fault, times in stage.faults().most_common():
            felt.odd[f"logged {fault}"] += times
    print(felt.line("overload"))
    for what, times in felt.odd.most_common():
        print(f"{times:8,} healthy requests: {what}")
    held = felt.percentile(0.99) < LIMIT_MS and not felt.odd
    print(f"p99 under {LIMIT_MS} ms: {'held' if held else 'NOT HELD'}")
    return 0 if held else 1


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[3])
    sys.exit(asyncio.run(main(options())))
