"""T11a, T11b, T12: memory of the processes and the time to the first answer of `openvest serve`.

Memory is PSS summed over all processes, since they share pages; on systems without it, resident size.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import psutil

from openvest.db.embedded import remove_database
from tests.bench.load import send_all
from tests.bench.requests import free_port, make_client, orders_of, server
from tests.bench.world import bench_world
from tests.kit.cluster import Cluster

REQUESTS = 100_000


def _family(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def megabytes(processes: list[psutil.Process]) -> float:
    total = 0
    for process in processes:
        info = process.memory_full_info()
        total += getattr(info, "pss", info.rss)
    return total / 1e6


async def after_requests(cluster: Cluster, count: int = REQUESTS) -> float:
    """T11a: an API worker process after so many requests."""
    async with bench_world(cluster, 200) as bench, server(bench) as (port, _):
        client = await make_client(bench, "ed25519")
        for _ in range(0, count, 10_000):
            await send_all(port, orders_of(bench, client, min(10_000, count)), 64, 202)
        mine = [p for p in psutil.process_iter() if f"--port {port}" in " ".join(_command(p))]
        workers = [child for p in mine for child in p.children(recursive=True)] or mine
        return max(megabytes([worker]) for worker in workers)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def serve_idle() -> tuple[float, float]:
    """T11b and T12: the whole of `openvest serve` at rest, with its database; seconds to the first answer when warm."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "var"
        try:
            await _start(data, settle=True)
            return await _start(data, settle=True)
        finally:
            remove_database(data)


async def _start(data: Path, *, settle: bool) -> tuple[float, float]:
    port = free_port()
    started = time.perf_counter()
    command = [sys.executable, "-m", "openvest", "serve", "--data-dir", str(data), "--port", str(port)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    try:
        while True:
            try:
                await send_all(port, [b"GET /health/ready HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"], 1, 200)
                break
            except (OSError, AssertionError, EOFError):
                if time.perf_counter() - started > 60:
                    raise
                await asyncio.sleep(0.02)
        seconds = time.perf_counter() - started
        if settle:
            await asyncio.sleep(5)
        return megabytes(_family(psutil.Process(process.pid)) + _servers(data)), seconds
    finally:
        process.terminate()
        await process.wait()


def _servers(data: Path) -> list[psutil.Process]:
    """The database's processes, where they are not children of ours."""
    import json

    pid = json.loads((data / "postgres.json").read_text())["pid"]
    return _family(psutil.Process(pid))
