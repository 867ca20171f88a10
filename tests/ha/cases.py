"""The five ways in which a primary is lost, and a production that nobody made safe against them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from tests.ha.parts import House, make_database, urls
from tests.ha.patroni import Node, Patroni
from tests.ha.plain import Pair, make_pair
from tests.ha.trial import Case, Disturb, Tried, now, program, tried
from tests.kit.stage import Stage, free_ports

PROMOTED_SECONDS, LOCK_SECONDS = 10, 15
BEHIND_SECONDS = 1
HUNG_SECONDS = 5
"""How long a stopped primary hangs before somebody decides that it is gone."""
_SENTENCE = "Commits wait for no standby"


async def plain_cases(house: House, seed: int) -> AsyncGenerator[Tried]:
    """Without Patroni: the primary is killed, or stopped, and its standby promoted by hand."""
    for name, number in (("kill -9", signal.SIGKILL), ("SIGSTOP", signal.SIGSTOP)):
        pair = await make_pair(house, name.replace(" ", ""))
        await make_database(pair.ports[0], "openvest")
        await pair.wait_for_standby()
        async with program(house, f"ov-{pair.name}", pair.ports) as running:
            yield await tried(running, Case(name, "promotion", PROMOTED_SECONDS, _by_hand(pair, number)), seed)


async def control(house: House, seed: int) -> Tried:
    """An asynchronous standby that fell behind: what was acknowledged last must be found lost."""
    pair = await make_pair(house, "control")
    await make_database(pair.ports[0], "openvest")

    async def disturb() -> float:
        await pair.unfollow()
        await asyncio.sleep(BEHIND_SECONDS)
        pair.signal_primary(signal.SIGKILL)
        await pair.promote()
        return now()

    async with program(house, "ov-control", pair.ports) as running:
        return await tried(running, Case("asynchronous", "promotion", PROMOTED_SECONDS, disturb), seed)


def _by_hand(pair: Pair, number: signal.Signals) -> Disturb:
    async def disturb() -> float:
        pair.signal_primary(number)
        if number == signal.SIGSTOP:
            await asyncio.sleep(HUNG_SECONDS)
        await pair.promote()
        return now()

    return disturb


@asynccontextmanager
async def nodes(house: House, http: aiohttp.ClientSession) -> AsyncGenerator[Patroni]:
    async with AsyncExitStack() as stack:
        patroni = Patroni(house, http)
        await patroni.start(stack)
        yield patroni


async def patroni_cases(house: House, seed: int) -> AsyncGenerator[Tried]:
    """With Patroni, one set of nodes and one server and worker for all: each case begins where the last one ended."""
    async with aiohttp.ClientSession() as http, nodes(house, http) as patroni:
        await make_database((await patroni.healthy()).postgres, "openvest")
        async with program(house, "ov-patroni", patroni.ports) as running:
            for case in (_switchover(patroni), _frozen(patroni), _cut(patroni)):
                found = await tried(running, case, seed)
                if found.faults:
                    found.faults.insert(0, await patroni.described())
                try:
                    await patroni.healthy()
                except RuntimeError as error:
                    found.faults.append(f"the lost node did not come back: {error}")
                yield found


def _switchover(patroni: Patroni) -> Case:
    async def disturb() -> float:
        old = await patroni.healthy()
        switching = asyncio.create_task(patroni.switch_over(old))
        await patroni.promoted(old)
        begun = now()
        await switching
        return begun

    return Case("switchover", "promotion", PROMOTED_SECONDS, disturb)


def _frozen(patroni: Patroni) -> Case:
    """All of the leader stands still, as a virtual machine does that is moved; then it goes on as if nothing were."""

    async def disturb() -> float:
        old = await patroni.healthy()
        old.signal(signal.SIGSTOP)
        try:
            return await _after_the_lock(patroni, old)
        finally:
            old.signal(signal.SIGCONT)

    return Case("frozen leader", "end of lock", LOCK_SECONDS, disturb)


def _cut(patroni: Patroni) -> Case:
    """The leader lives, and neither etcd nor a standby nor the program reaches it."""

    async def disturb() -> float:
        old = await patroni.healthy()
        old.cut()
        try:
            return await _after_the_lock(patroni, old)
        finally:
            old.mend()

    return Case("network cut", "end of lock", LOCK_SECONDS, disturb)


async def _after_the_lock(patroni: Patroni, old: Node) -> float:
    await patroni.lock_lost(old)
    begun = now()
    await patroni.promoted(old)
    # The old leader comes back into a world in which its place is taken.
    await asyncio.sleep(LOCK_SECONDS)
    return begun


async def warned(house: House) -> list[str]:
    """A production whose standby nobody waits for: what start, `doctor` and the metric say. Raises: RuntimeError."""
    pair = await make_pair(house, "asynchronous")
    await make_database(pair.ports[0], "openvest")
    root = house.root / "ov-asynchronous"
    root.mkdir()
    stage = Stage(root, environment=urls(pair.ports, "openvest"))
    stage.run("db", "migrate")
    try:
        said = await _said(stage)
        if missing := [who for who, words in said.items() if not words]:
            raise RuntimeError(f"nothing was said by {', '.join(missing)}")
        await pair.wait_for_standby()
        if still := [words for words in (await _said(stage)).values() if words]:
            raise RuntimeError(f"with a synchronous standby it still says {still}")
    finally:
        stage.stop()
    return [f"{who}: {words}" for who, words in said.items()]


async def _said(stage: Stage) -> dict[str, str]:
    """By whom what is said of commits that wait for no standby."""
    port, metrics_port = free_ports(2)
    options = ("--mode", "production", "--port", str(port), "--metrics-port", str(metrics_port))
    server = await stage.start("production", "server", *options)
    doctor = stage.run("doctor", "--port", str(port))
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{metrics_port}/metrics") as answer:
        figures = await answer.text()
    stage.stop()
    metric = 'openvest_database_durability_risk{risk="asynchronous"} 1.0'
    return {
        "start": _line(server.said),
        "openvest doctor": _line(doctor),
        "metric": metric if metric in figures else "",
    }


def _line(text: str) -> str:
    return next((line for line in text.splitlines() if _SENTENCE in line), "")
