"""The driver's journal: a file of JSON lines, only ever appended to."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["order", "cancel", "topup"]


@dataclass(frozen=True, slots=True)
class Intent:
    """A request that was about to be sent. `key` names it; for a cancellation it is only a name."""

    key: str
    kind: Kind
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A request that was answered 2xx. `object_id` is the order's or the top-up's."""

    intent: Intent
    object_id: str
    digest: str


class Journal:
    """Appends, and counts an acknowledgement once it is on disk. Many share one fsync."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.acknowledged = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None

    def intend(self, intent: Intent) -> None:
        """Note a request before it is sent."""
        self._append({"intent": intent.key, "kind": intent.kind, "body": intent.body})

    async def acknowledge(self, key: str, object_id: str, content: bytes) -> None:
        """Note an acknowledgement; when this returns it is on disk."""
        self._append({"ack": key, "object_id": object_id, "digest": digest_of(content)})
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync())
        await future

    def refuse(self, key: str, status: int, content: bytes) -> None:
        """Note a refusal, which must have had no effect."""
        self._append({"refused": key, "status": status, "content": content.decode(errors="replace")[:300]})

    async def close(self) -> None:
        if self._syncing is not None:
            await self._syncing
        os.close(self._file)

    def _append(self, facts: dict[str, Any]) -> None:
        os.write(self._file, (json.dumps(facts) + "\n").encode())

    async def _sync(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            await asyncio.to_thread(os.fsync, self._file)
            self.acknowledged += len(waiting)
            for future in waiting:
                if not future.done():
                    future.set_result(None)


@dataclass(slots=True)
class Read:
    """What a journal says. `unknown` are requests whose outcome the driver never heard."""

    acknowledged: list[Acknowledged] = field(default_factory=list[Acknowledged])
    refused: list[tuple[Intent, int, str]] = field(default_factory=list[tuple[Intent, int, str]])
    unknown: list[Intent] = field(default_factory=list[Intent])

    def of(self, kind: Kind) -> Iterator[Acknowledged]:
        return (one for one in self.acknowledged if one.intent.kind == kind)


def read_journal(path: Path) -> Read:
    """The journal as it is on disk."""
    intents: dict[str, Intent] = {}
    found = Read()
    for line in path.read_text(encoding="utf-8").splitlines():
        facts = json.loads(line)
        if "intent" in facts:
            intents[facts["intent"]] = Intent(facts["intent"], facts["kind"], facts["body"])
        elif "ack" in facts:
            found.acknowledged.append(Acknowledged(intents.pop(facts["ack"]), facts["object_id"], facts["digest"]))
        else:
            found.refused.append((intents.pop(facts["refused"]), facts["status"], facts["content"]))
    found.unknown = list(intents.values())
    return found


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
