"""The floor: six durable statements per transaction, by pgbench, on the server that is measured."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.kit.cluster import Cluster

FOLDER = Path(__file__).resolve().parents[2] / "bench"


def prepare_floor(cluster: Cluster, database: str) -> None:
    """Make the floor's tables in a database of its own."""
    _run(cluster, "psql", database, "-q", "-v", "ON_ERROR_STOP=1", "-f", str(FOLDER / "floor_schema.sql"))


def floor_per_second(cluster: Cluster, database: str, seconds: int) -> float:
    """Transactions per second of `pgbench -n -M prepared -c16 -j2`."""
    script = str(FOLDER / "floor_six_statements.sql")
    text = _run(cluster, "pgbench", database, "-n", "-M", "prepared", "-c16", "-j2", f"-T{seconds}", "-f", script)
    found = re.search(r"tps = ([0-9.]+)", text)
    if found is None:
        raise RuntimeError(f"pgbench gave no figure: {text}")
    return float(found[1])


def _run(cluster: Cluster, program: str, database: str, *arguments: str) -> str:
    command = [str(cluster.binaries / program), "-h", str(cluster.folder), "-U", "postgres", *arguments, database]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr}")
    return done.stdout
