"""Three nodes of Patroni with one etcd: who is primary is decided by a lock that its holder must keep renewing.

Every node is reached by the others, by the program and by itself towards etcd on ways that can be cut.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil

from tests.ha.parts import HOST, House, ask, is_primary, make_roles, until
from tests.ha.reaper import living_in
from tests.kit.stage import free_ports
from tests.kit.ways import Way, way_to

TTL_SECONDS = 20
"""How long the lock outlives its holder. Patroni takes no less."""
LEADER_KEY = "/service/openvest/leader"
DYNAMIC: Mapping[str, Any] = {
    "ttl": TTL_SECONDS,
    "loop_wait": 2,
    "retry_timeout": 5,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "postgresql": {
        "use_pg_rewind": True,
        "parameters": {"max_connections": 60, "shared_buffers": "64MB", "wal_keep_size": "256MB"},
    },
}
_ROLE = """
select case when pg_is_in_recovery() then 'follows' else 'takes writes, followed by ' ||
       (select coalesce(string_agg(application_name || ' (' || sync_state || ')', ', '), 'nobody')
          from pg_stat_replication) end
"""
TRUSTED = (
    "local all all trust",
    "host all all 127.0.0.1/32 trust",
    "host replication all 127.0.0.1/32 trust",
)


@dataclass
class Node:
    """One server under Patroni. `postgres` and `rest` are its own ports; the ways stand before them."""

    name: str
    folder: Path
    postgres: int
    rest: int
    ways: Mapping[str, Way]

    def signal(self, number: signal.Signals) -> None:
        """To its Patroni and its PostgreSQL."""
        for process in living_in(self.folder):
            with suppress(psutil.Error):
                process.send_signal(number)

    def cut(self) -> None:
        for way in self.ways.values():
            way.cut()

    def mend(self) -> None:
        for way in self.ways.values():
            way.mend()


@dataclass
class Patroni:
    """The nodes, and etcd behind its port."""

    house: House
    http: aiohttp.ClientSession
    etcd: int = 0
    nodes: list[Node] = field(default_factory=list[Node])

    @property
    def ports(self) -> Sequence[int]:
        """Where the program reaches the nodes."""
        return [node.ways["postgres"].port for node in self.nodes]

    async def start(self, stack: AsyncExitStack) -> None:
        """etcd, the first node, and the others as copies of it."""
        self.etcd, peers = free_ports(2)
        client = f"http://{HOST}:{self.etcd}"
        self.house.start(
            "etcd", self.house.parts.etcd, "--name", "one", "--data-dir", self.house.folder("etcd"),
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", f"http://{HOST}:{peers}", "--initial-advertise-peer-urls", f"http://{HOST}:{peers}",
            "--initial-cluster", f"one=http://{HOST}:{peers}", "--enable-v2",
        )  # fmt: skip
        await until("etcd answers", self._etcd_answers)
        for number in range(3):
            await self._add(f"node{number + 1}", stack)
            if number == 0:
                await until("the first node is primary", self.leader, 90)
        await self.healthy()
        await make_roles((await self._leading()).postgres)

    async def _add(self, name: str, stack: AsyncExitStack) -> None:
        postgres, rest = free_ports(2)
        upstreams = {"postgres": postgres, "rest": rest, "etcd": self.etcd}
        ways = {key: await stack.enter_async_context(way_to((HOST, port))) for key, port in upstreams.items()}
        node = Node(name, self.house.folder(name), postgres, rest, ways)
        self.nodes.append(node)
        password = {"password": "none"}
        settings = {
            "scope": "openvest",
            "name": name,
            "restapi": {"listen": f"{HOST}:{rest}", "connect_address": f"{HOST}:{ways['rest'].port}"},
            # As a proxy, or Patroni asks etcd for its own address and goes round the way. Not etcd3, where 3.0.2 of
            # Debian 12 lets a leader that wakes up overwrite the lock of another (patroni/patroni, pull request 2689).
            "etcd": {"hosts": [f"{HOST}:{ways['etcd'].port}"], "use_proxies": True},
            "bootstrap": {"dcs": DYNAMIC, "initdb": [{"encoding": "UTF8"}, {"locale": "C"}]},
            "postgresql": {
                "listen": f"{HOST}:{postgres}",
                "connect_address": f"{HOST}:{ways['postgres'].port}",
                "data_dir": str(node.folder / "data"),
                "bin_dir": str(self.house.parts.postgres),
                "pgpass": str(node.folder / "pgpass"),
                "pg_hba": list(TRUSTED),
                "parameters": {"unix_socket_directories": str(node.folder)},
                "authentication": {
                    "superuser": {"username": "postgres", **password},
                    "replication": {"username": "replicator", **password},
                },
            },
        }
        # JSON is YAML.
        file = self.house.write(node.folder / "patroni.yml", json.dumps(settings, indent=1))
        self.house.start(name, self.house.parts.patroni, file)

    async def leader(self) -> Node | None:
        """The holder of the lock, if it takes writes."""
        holder = await self.holder()
        node = next((node for node in self.nodes if node.name == holder), None)
        return node if node is not None and await is_primary(node.postgres) else None

    async def _leading(self) -> Node:
        found: list[Node] = []

        async def look() -> bool:
            if (node := await self.leader()) is not None:
                found.append(node)
            return bool(found)

        await until("somebody leads", look)
        return found[0]

    async def holder(self) -> str | None:
        """Whose name the lock holds."""
        async with self.http.get(f"http://{HOST}:{self.etcd}/v2/keys{LEADER_KEY}") as answer:
            return (await answer.json(content_type=None))["node"]["value"] if answer.status == 200 else None

    async def healthy(self, seconds: float = 120) -> Node:
        """Until one leads, two follow, and one of those is synchronous. Returns the leader."""
        streams = "select count(*) = 2 and count(*) filter (where sync_state = 'sync') = 1 from pg_stat_replication"

        async def look() -> bool:
            node = await self.leader()
            return node is not None and await ask(node.postgres, streams)

        await until("one leads, two follow, one of them synchronously", look, seconds)
        return await self._leading()

    async def switch_over(self, old: Node) -> None:
        """Ask for another leader, as an operator does."""
        url = f"http://{HOST}:{old.rest}/switchover"
        async with self.http.post(url, json={"leader": old.name}) as answer:
            if answer.status != 200:
                raise RuntimeError(f"the switchover was answered {answer.status}: {await answer.text()}")

    async def lock_lost(self, old: Node) -> None:
        """Until the lock is not this node's any more."""

        async def look() -> bool:
            return await self.holder() != old.name

        await until("the lock ends", look, 3 * TTL_SECONDS, 0.02)

    async def promoted(self, old: Node) -> Node:
        """Until another node takes writes. Returns it."""
        others = [node for node in self.nodes if node is not old]
        found: list[Node] = []

        async def look() -> bool:
            found.extend([node for node in others if await is_primary(node.postgres)])
            return bool(found)

        await until("another node is promoted", look, 60, 0.02)
        return found[0]

    async def described(self) -> str:
        """Who holds the lock, and what each node says of itself: for the reader of a case that failed."""
        said = [f"the lock is held by {await self.holder() or 'nobody'}"]
        for node in self.nodes:
            try:
                said.append(f"{node.name}: {await ask(node.postgres, _ROLE)}")
            except (OSError, TimeoutError, asyncpg.PostgresError) as error:
                said.append(f"{node.name}: {type(error).__name__} {error}".strip())
        return "; ".join(said)

    async def _etcd_answers(self) -> bool:
        async with self.http.get(f"http://{HOST}:{self.etcd}/health") as answer:
            return answer.status == 200
