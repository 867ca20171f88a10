"""Those who hold a server busy, in a process of their own: its port and how many of each as JSON on standard input.

Says `standing` once all slow and idle connections are there, goes on until its input ends, then tells as JSON what
became of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import repeat
from typing import Self

import uvloop

from openvest.core.clock import WireClock
from openvest.sdk.signing import Signer
from tests.bench.load import built

OPENED_AT_ONCE = 100
PIECE_SECONDS = 0.5
WAVE_SECONDS = 5.0
NICE = 10
"""Attackers have machines of their own; here they share one with the server, and so give way to it."""
_HEAD = b"POST /orders HTTP/1.1\r\nhost: 127.0.0.1\r\n"
_ENDLESS = _HEAD + b"x-fill: " + b"x" * 4_000


@dataclass(frozen=True)
class Attack:
    """How many of each, and who signs. Units: `body_bytes` of one large body."""

    port: int
    idle: int
    slow_heads: int
    slow_bodies: int
    bodies: int
    body_bytes: int
    client_id: str = ""
    key_id: str = ""
    private_pem: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def read(cls, text: str) -> Self:
        return cls(**json.loads(text))

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))

    @property
    def standing(self) -> int:
        """Connections that are there all the time."""
        return self.idle + self.slow_heads + self.slow_bodies


@dataclass
class Attackers:
    """All of them. `seen` counts what became of their connections, `open` those that are there."""

    attack: Attack
    seen: Counter[str] = field(default_factory=Counter[str])
    open: int = 0
    opening: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(OPENED_AT_ONCE))

    def all(self) -> list[Awaitable[None]]:
        """Whoever is closed comes again."""
        attack = self.attack
        kinds = (self.idle, attack.idle), (self.slow_head, attack.slow_heads), (self.slow_body, attack.slow_bodies)
        return [self._again(kind) for kind, count in kinds for _ in range(count)]

    async def idle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says nothing."""
        await reader.read()
        self.seen["idle connections closed by the server"] += 1

    async def slow_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A head that never ends, byte by byte."""
        said = await _slowly(reader, writer, (bytes([byte]) for byte in _ENDLESS))
        self.seen[f"slow heads {said}"] += 1

    async def slow_body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A large body, a thousand bytes at a time."""
        writer.write(_HEAD + b"content-length: %d\r\n\r\n" % self.attack.body_bytes)
        said = await _slowly(reader, writer, repeat(b"x" * 1_000))
        self.seen[f"slow bodies {said}"] += 1

    async def waves(self) -> None:
        """Large bodies, all at once, again and again. Every other comes from a client, signed, and fits no schema."""
        attack, clock = self.attack, WireClock()
        signer = Signer(attack.client_id, attack.key_id, attack.private_pem.encode(), clock=clock.now_seconds)
        content = b"x" * attack.body_bytes
        unsigned = _HEAD + b"content-length: %d\r\n\r\n%b" % (len(content), content)
        while True:
            wave: list[bytes] = []
            while len(wave) < attack.bodies:
                filled = {"user_id": content.decode()}
                wave += (unsigned, built(signer, attack.token, "POST", "/orders", filled, keyed=True))
                await asyncio.sleep(0)
            await asyncio.gather(*(self._large(sent) for sent in wave))
            self.seen["waves of large bodies"] += 1
            await asyncio.sleep(WAVE_SECONDS)

    async def _large(self, sent: bytes) -> None:
        try:
            async with self._connection() as (reader, writer):
                writer.write(sent)
                self.seen[f"large bodies {await _status(reader)}"] += 1
        except OSError as error:
            self.seen[f"large bodies {type(error).__name__}"] += 1

    async def _again(self, kind: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        while True:
            try:
                async with self._connection() as connection:
                    await kind(*connection)
            except OSError as error:
                self.seen[f"{kind.__name__} {type(error).__name__}"] += 1
                await asyncio.sleep(1)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        async with self.opening:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.attack.port)
        self.open += 1
        try:
            yield reader, writer
        finally:
            self.open -= 1
            writer.transport.abort()


async def _slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> str:
    """Piece by piece, until something is answered."""
    answer = asyncio.create_task(_status(reader))
    for piece in pieces:
        if answer.done() or writer.transport.is_closing():
            break
        writer.write(piece)
        await asyncio.sleep(PIECE_SECONDS)
    return await answer


async def _status(reader: asyncio.StreamReader) -> str:
    """The status that was answered, if one was."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        line = await reader.readuntil(b"\r\n")
        return f"answered {line[9:12].decode()}"
    return "closed"


async def main() -> None:
    loop = asyncio.get_running_loop()
    attack = Attack.read(await loop.run_in_executor(None, sys.stdin.readline))
    attackers = Attackers(attack)
    standing = [asyncio.ensure_future(one) for one in attackers.all()]
    while attackers.open < attack.standing:
        await asyncio.sleep(0.1)
    standing.append(asyncio.create_task(attackers.waves()))
    print("standing", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    for task in standing:
        if task.done():
            task.result()
        task.cancel()
    print(json.dumps({"connections at the end": attackers.open, **attackers.seen}), flush=True)


if __name__ == "__main__":
    os.nice(NICE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
