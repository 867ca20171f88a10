"""The load: clients that place orders, cancel them and top up, and ask again until they know what became of it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp

from tests.faults.crash.journal import Intent, Journal, Kind
from tests.kit.orders import X
from tests.kit.wire import Reply, Wire
from tests.repeat.life import Person

PATIENCE_SECONDS = 120
"""How long one request is asked again before its outcome is called unknown."""
HANG_UP = 0.03
"""How often a client hangs up within 20 ms: what was committed and never told, which kills alone seldom hit."""
_NOT_YET = frozenset({401, 408, 409, 429, 500, 502, 503, 504})


@dataclass
class Load:
    """What all clients share. `wires` are doors to each server; `asked_again` counts what had to be repeated."""

    seed: int
    journal: Journal
    wires: Sequence[Wire]
    people: Sequence[Person]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    asked_again: int = 0
    faults: list[str] = field(default_factory=list[str])
    statuses: dict[int, int] = field(default_factory=dict[int, int])

    async def run(self, clients: int) -> None:
        """Until told to stop, and until every request under way is settled."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._client(number))

    async def _client(self, number: int) -> None:
        chance = random.Random(f"{self.seed} client {number}")
        while not self.stop.is_set():
            draw = chance.random()
            person = chance.choice(self.people)
            if draw < 0.1:
                body = {
                    "account_group_id": person.group_id,
                    "cash_amount": f"{chance.randint(100, 999)}.00",
                    "currency": "EUR",
                }
                await self.settle(chance, "topup", "POST", "/payments/topups", body)
                continue
            order_id = await self.settle(chance, "order", "POST", "/orders", order_body(chance, person, draw < 0.5))
            if order_id is not None and draw > 0.85:
                await self.settle(chance, "cancel", "DELETE", f"/orders/{order_id}", {"order_id": order_id})

    async def settle(self, chance: random.Random, kind: Kind, method: str, target: str, body: Any) -> str | None:
        """Send one request, and again under its key, until it is known what became of it. Returns the object's id."""
        key = str(UUID(int=chance.getrandbits(128), version=4))
        self.journal.intend(Intent(key, kind, body))
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        content = json.dumps(body).encode() if method == "POST" else None
        while asyncio.get_running_loop().time() < deadline:
            patience = chance.random() / 50 if chance.random() < HANG_UP else None
            reply = await self._try(chance.choice(self.wires), method, target, content, key, patience)
            if reply is not None and reply.status not in _NOT_YET:
                if not 200 <= reply.status < 300:
                    self.journal.refuse(key, reply.status, reply.content)
                    return None
                object_id = str(reply.json["id"])
                await self.journal.acknowledge(key, object_id, reply.content)
                return object_id
            self.asked_again += 1
            await asyncio.sleep(0.2 + chance.random() / 2)
        return None

    async def _try(
        self, wire: Wire, method: str, target: str, content: bytes | None, key: str, patience: float | None
    ) -> Reply | None:
        """One attempt; with a patience the client hangs up after so many seconds and never hears the answer."""
        try:
            async with asyncio.timeout(patience):
                reply = await wire.send(method, target, content, key if method == "POST" else None)
        except (aiohttp.ClientError, TimeoutError, OSError, LookupError):
            return None
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        if reply.status == 401:
            wire.token = None
        if reply.status == 500:
            self.faults.append(reply.content.decode(errors="replace")[:300])
        return reply


def order_body(chance: random.Random, person: Person, market: bool) -> dict[str, str]:
    """At the market by cash, filled at once; or at a limit nobody meets, resting until it is cancelled."""
    basis = {
        "user_id": person.user_id,
        "account_id": person.account_id,
        "side": "BUY",
        "instrument_id": X,
        "instrument_id_type": "ISIN",
        "client_reference": f"{chance.getrandbits(96):024x}",
    }
    if market:
        return {**basis, "cash_amount": f"{chance.randint(1, 20)}.{chance.randint(0, 99):02d}"}
    return {**basis, "order_type": "LIMIT", "quantity": "1", "limit_price": f"{chance.randint(1, 80)}.00"}
