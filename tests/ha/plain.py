"""Two servers of PostgreSQL, of which one follows the other; who becomes primary is decided by hand."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.ha.parts import HOST, House, ask, is_primary, make_roles, until
from tests.kit.stage import free_ports

SETTINGS = {
    "listen_addresses": HOST,
    "max_connections": "60",
    "shared_buffers": "64MB",
    "wal_keep_size": "256MB",
    "synchronous_commit": "on",
}


@dataclass
class Pair:
    """`ports` are of the primary and of its standby."""

    house: House
    name: str
    ports: list[int]

    async def start(self) -> None:
        """Make both; the standby follows, and nobody waits for it yet."""
        first = self.house.folder(f"{self.name}-a")
        self.house.run(
            self._program("initdb"), "-D", first, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        self._postgres(first, self.ports[0])
        await until("the primary answers", lambda: is_primary(self.ports[0]))
        await make_roles(self.ports[0])
        second = self.house.folder(f"{self.name}-b")
        where = f"host={HOST} port={self.ports[0]} user=postgres application_name=standby"
        self.house.run(self._program("pg_basebackup"), "-D", second, "-d", where, "-R", "-c", "fast")
        self._postgres(second, self.ports[1])
        streams = "select count(*) = 1 from pg_stat_replication where state = 'streaming'"
        await until("the standby follows", lambda: ask(self.ports[0], streams))

    async def wait_for_standby(self) -> None:
        """From now on a commit waits until the standby has it."""
        await ask(self.ports[0], "alter system set synchronous_standby_names = 'standby'")
        await ask(self.ports[0], "select pg_reload_conf()")
        synchronous = "select count(*) = 1 from pg_stat_replication where sync_state = 'sync'"
        await until("the standby is synchronous", lambda: ask(self.ports[0], synchronous))

    async def unfollow(self) -> None:
        """Let the standby fall behind, which nobody of the program can see."""
        await ask(self.ports[1], "alter system set primary_conninfo = ''")
        await ask(self.ports[1], "select pg_reload_conf()")
        await until("the standby is behind", lambda: ask(self.ports[0], "select count(*) = 0 from pg_stat_replication"))

    async def promote(self) -> None:
        """Make the standby the primary; when this returns it takes writes."""
        await ask(self.ports[1], "select pg_promote(true, 30)", seconds=40)
        await until("the standby is promoted", lambda: is_primary(self.ports[1]), pause=0.01)

    def signal_primary(self, number: signal.Signals) -> None:
        """To all of its processes, the first before those it would start again."""
        for process in self._processes(self.house.root / f"{self.name}-a"):
            process.send_signal(number)

    @staticmethod
    def _processes(data: Path) -> list[psutil.Process]:
        postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        return [postmaster, *postmaster.children(recursive=True)]

    def _program(self, name: str) -> Path:
        return self.house.parts.postgres / name

    def _postgres(self, data: Path, port: int) -> None:
        options = {**SETTINGS, "port": str(port), "unix_socket_directories": str(data)}
        flags = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
        self.house.start(data.name, self._program("postgres"), "-D", data, *flags)


async def make_pair(house: House, name: str) -> Pair:
    pair = Pair(house, name, list(free_ports(2)))
    await pair.start()
    return pair
