"""The floor: six durable statements per transaction, by pgbench, on the server that is measured."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.kit.cluster import Cluster

FOLDER = Path(__file__).resolve().parents[2] / "bench"


@dataclass(frozen=True)
class Floor:
    """A database of its own, beside those that are measured."""

    cluster: Cluster
    database: str

    def per_second(self, seconds: int) -> float:
        """Transactions per second of `pgbench -n -M prepared -c16 -j2`."""
        script = str(FOLDER / "floor_six_statements.sql")
        text = self.run("pgbench", "-n", "-M", "prepared", "-c16", "-j2", f"-T{seconds}", "-f", script)
        found = re.search(r"tps = ([0-9.]+)", text)
        if found is None:
            raise RuntimeError(f"pgbench gave no figure: {text}")
        return float(found[1])

    def run(self, program: str, *arguments: str) -> str:
        socket = str(self.cluster.folder)
        command = [str(self.cluster.binaries / program), "-h", socket, "-U", "postgres", *arguments, self.database]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout


async def prepared_floor(cluster: Cluster) -> Floor:
    """The floor's tables, made."""
    floor = Floor(cluster, await cluster.create(template=None))
    floor.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(FOLDER / "floor_schema.sql"))
    return floor
