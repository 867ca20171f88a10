"""The processes there are: `serve` (server and worker together), `server`, `worker`.

`serve` runs both in one event loop, which keeps an idle installation small. With several workers the HTTP side moves
into processes of its own, which share the port; each of them ends when the pipe from its parent closes, so none is left
behind by a killed parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from openvest import catalog
from openvest.core.clock import WireClock
from openvest.core.logs import Log
from openvest.core.memory import collect_rarely
from openvest.db.address import Progress
from openvest.db.attach import kill_unused, refuse_second
from openvest.db.checks import StartRefused
from openvest.db.ending import Ending
from openvest.db.room import POOL_SIZE
from openvest.db.wire import measure
from openvest.main import Mode, exposure
from openvest.main.environment import Environment
from openvest.main.event_delivery import EventDelivery, connect_event_delivery, make_worker
from openvest.main.failpoints import refuse_failpoint
from openvest.main.figures import asked_of, durability_risks
from openvest.main.first_start import Pace, Sandbox, furnish
from openvest.main.http import listening
from openvest.main.installation import Installation, master_key, opened, running_database
from openvest.main.profiles import note_url
from openvest.server.app import App, make_app
from openvest.server.metrics import Metrics, make_metrics_app
from openvest.server.settings import ServerSettings

_RESPAWN_SECONDS = 1
_WORKER_SECONDS = 12
_SETTLE_SECONDS = 2
_CHILD_SECONDS = 15
_JOINED_SECONDS = 5.0
"""A server process that belongs to another one is gone before that one stops the database."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of a process."""

    environment: Environment
    host: str = "127.0.0.1"
    port: int = 8000
    mode: Mode | None = None
    pace: Pace | None = None
    seed: str | None = None
    workers: int = 1
    webhooks_to: tuple[str, ...] = ()
    behind_proxy: bool = False
    certificate: Path | None = None
    key: Path | None = None
    metrics_port: int | None = None
    """The first of as many as there are workers; None for the first that are free."""
    joined: bool = False
    """A server process that belongs to a `serve`: it shares the port and ends with its parent."""
    ending: Ending = field(default_factory=lambda: Ending(cut_off=_cut_off), repr=False, compare=False)
    """Begins when the process is asked to end; what hangs longer than it lasts is left behind."""

    def __post_init__(self) -> None:
        if self.joined:
            self.ending.seconds = _JOINED_SECONDS

    @property
    def url(self) -> str:
        return exposure.url_of(self.host, self.port, tls=self.certificate is not None)

    @property
    def outward_url(self) -> str | None:
        """What others reach it under, where it listens on every address of this machine."""
        return exposure.outward_url(self.host, self.port, tls=self.certificate is not None)


Ready = Callable[[Installation, Sandbox | None, Sequence[int]], None]
"""Told once when everything answers: the installation, what a sandbox was furnished with, the ports of the metrics."""


def _cut_off() -> None:
    """End a process whose time is over. What was acknowledged is committed; its leases run out."""
    print("Something hangs; the process ends without it.", file=sys.stderr, flush=True)
    kill_unused()
    os._exit(1)


def run(process: Callable[[], Awaitable[None]], ending: Ending) -> None:
    """Run a process until it ends or SIGINT, SIGTERM or SIGHUP asks it to; what it holds is let go of in order."""
    collect_rarely()
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_asked(process, ending))


async def _until_asked(process: Callable[[], Awaitable[None]], ending: Ending) -> None:
    body = asyncio.ensure_future(process())
    asked = False

    def stop() -> None:
        nonlocal asked
        ending.set()
        if not asked:
            asked = True
            body.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await body
    except asyncio.CancelledError:
        if not asked:
            raise


async def serve(options: Options, ready: Ready, say: Progress) -> None:
    """Server and worker over one database. Raises: StartRefused, SchemaRefused, EmbeddedError, OSError."""
    if options.environment.database_url is None:
        refuse_second(options.environment.data_dir)
    _check_first(options)
    exposure.check_port(options.host, options.port)
    _metrics_ports(options)
    async with AsyncExitStack() as stack:
        installation = await _installation(stack, options, say, alone=True)
        _check_exposure(options, installation.mode)
        sandbox = None
        if installation.mode == "sandbox":
            sandbox = await furnish(installation, options.url, options.pace, say)
        delivery = await _delivery(stack, installation, options)
        tasks = [await stack.enter_async_context(_working(delivery, options.ending))]
        served, metrics_ports = await _serving(stack, installation, delivery, options, say)
        note_url(options.environment.data_dir, options.url)
        ready(installation, sandbox, metrics_ports)
        await _first_end([*tasks, *served])


async def server(options: Options, ready: Ready, say: Progress) -> None:
    """HTTP alone; several may run on one database. Raises: as `serve`."""
    _check_first(options)
    if not options.joined:
        exposure.check_port(options.host, options.port)
    _metrics_ports(options)
    async with AsyncExitStack() as stack:
        installation = await _installation(stack, options, say)
        _check_exposure(options, installation.mode)
        delivery = await _delivery(stack, installation, options)
        tasks, metrics_ports = await _serving(stack, installation, delivery, options, say)
        if not options.joined:
            note_url(options.environment.data_dir, options.url)
        ready(installation, None, metrics_ports)
        if options.joined:
            gone = asyncio.create_task(_parent_gone())
            stack.callback(gone.cancel)
            await asyncio.wait([*tasks, gone], return_when=asyncio.FIRST_COMPLETED)
            options.ending.set()
        else:
            await _first_end(tasks)


async def worker(options: Options, ready: Ready, say: Progress) -> None:
    """Sweeps, numbering and deliveries alone; several may run on one database. Raises: as `serve`."""
    _check_first(options)
    async with AsyncExitStack() as stack:
        installation = await _installation(stack, options, say)
        _check_exposure(options, installation.mode)
        delivery = await _delivery(stack, installation, options)
        task = await stack.enter_async_context(_working(delivery, options.ending))
        ready(installation, None, ())
        await _first_end([task])


def _check_first(options: Options) -> None:
    """What can be refused before a database is opened, which decides about its mode. Raises: StartRefused."""
    _check_exposure(options, options.mode or "sandbox")
    refuse_failpoint(options.environment.failpoint, options.mode)
    if options.mode == "production":
        master_key(options.environment, options.mode)


def _check_exposure(options: Options, mode: Mode) -> None:
    exposure.check_exposure(
        mode,
        options.host,
        certificate=options.certificate,
        key=options.key,
        behind_proxy=options.behind_proxy,
        webhooks_to=options.webhooks_to,
        pace=options.pace,
    )


async def _installation(stack: AsyncExitStack, options: Options, say: Progress, *, alone: bool = False) -> Installation:
    # One that belongs to a `serve` was counted by it.
    processes = 0 if options.joined else 1 + (options.workers if options.workers > 1 else 0)
    urls = await stack.enter_async_context(
        running_database(options.environment, alone=alone, ending=options.ending, processes=processes, progress=say)
    )
    installation = await stack.enter_async_context(
        opened(
            urls,
            options.environment,
            mode=options.mode,
            seed=options.seed,
            pool_size=POOL_SIZE,
            processes=processes,
            ending=options.ending,
            progress=say,
        )
    )
    if installation.mode == "production" and not (urls.embedded or options.joined):
        for sentence in (await durability_risks(installation)).values():
            say(f"Warning: {sentence}")
    return installation


async def _delivery(stack: AsyncExitStack, installation: Installation, options: Options) -> EventDelivery:
    """How news leaves this process, and its wire clock."""
    wire = WireClock()
    await measure(installation.assembled.database, wire)
    delivery = connect_event_delivery(installation.assembled, wire, webhooks_to=options.webhooks_to)
    stack.push_async_callback(delivery.close)
    return delivery


@asynccontextmanager
async def _working(delivery: EventDelivery, ending: Ending) -> AsyncGenerator[asyncio.Task[None]]:
    """The worker as long as the block lasts; what it began is ended, or given up, before the block is left."""
    stop = asyncio.Event()
    task = asyncio.create_task(make_worker(delivery, Log(delivery.wire)).run(stop), name="worker")
    try:
        yield task
    finally:
        stop.set()
        done, _ = await asyncio.wait({task}, timeout=ending.left(0.6, _WORKER_SECONDS))
        if not done:
            task.cancel()


async def _serving(
    stack: AsyncExitStack, installation: Installation, delivery: EventDelivery, options: Options, say: Progress
) -> tuple[list[asyncio.Task[None]], Sequence[int]]:
    """HTTP in this process, or in as many others as there are workers. Returns tasks and the ports of the metrics."""
    # Once more: making a database takes its time, in which others may have taken what was free.
    ports, ending = _metrics_ports(options), options.ending
    if options.workers > 1:
        return await stack.enter_async_context(_children(options, ports, say)), ports
    app = _app(installation, delivery, exposure.metrics_url(ports[0]))
    await app.start()
    stack.push_async_callback(_settled, app, ending)
    host = exposure.numeric(options.host)
    task = await stack.enter_async_context(
        listening(app, host, options.port, certificate=options.certificate, key=options.key, ending=ending)
    )
    figures = make_metrics_app(app.metrics, asked=asked_of(installation))
    await stack.enter_async_context(listening(figures, exposure.METRICS_HOST, ports[0], ending=ending, share=0.1))
    return [task], ports


async def _settled(app: App, ending: Ending) -> None:
    """Nobody waits for what still runs: whoever asked for it was answered, or hung up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ending.left(0.5, _SETTLE_SECONDS)):
            await app.stop()


def _metrics_ports(options: Options) -> list[int]:
    """Raises: StartRefused."""
    return exposure.metrics_ports(options.metrics_port, options.workers, options.port)


def _app(installation: Installation, delivery: EventDelivery, metrics_url: str) -> App:
    return make_app(
        database=installation.assembled.database,
        contracts=catalog.CONTRACTS,
        wire=delivery.wire,
        secrets=installation.secrets,
        settings=ServerSettings(
            mode=installation.mode, metrics_url=metrics_url, webhook_allow_list=delivery.allow_list
        ),
        metrics=Metrics(),
        services=installation.assembled,
    )


async def _first_end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until something ends that should not. Raises: what it ended with, or StartRefused."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    names = " and ".join(sorted(task.get_name() for task in done))
    raise StartRefused(f"The part {names} ended by itself; start again, and report it if it happens twice.")


async def _parent_gone() -> None:
    """Ends when the parent closes the pipe, by its will or by its death."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


@asynccontextmanager
async def _children(
    options: Options, metrics_ports: list[int], say: Progress
) -> AsyncGenerator[list[asyncio.Task[None]]]:
    """Server processes that share the port, each with metrics of its own; one that dies is started again."""
    command = [
        sys.executable, "-m", "openvest", "server", "--joined", "--data-dir", str(options.environment.data_dir),
        "--host", options.host, "--port", str(options.port),
    ]  # fmt: skip
    command += [part for entry in options.webhooks_to for part in ("--allow-webhooks-to", entry)]
    command += ["--behind-proxy"] if options.behind_proxy else []
    command += ["--tls-cert", str(options.certificate), "--tls-key", str(options.key)] if options.certificate else []
    told = options.metrics_port is not None
    children = [Child(command, metrics_ports, place, options.port, told) for place in range(options.workers)]
    tasks = [asyncio.create_task(_keep_running(child, options.ending, say)) for child in children]
    answering = asyncio.create_task(_all_set([child.answering for child in children]))
    try:
        await asyncio.wait({answering, *tasks}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise StartRefused("The server processes did not come up; look at what they said above.")
        yield tasks
    finally:
        for task in (answering, *tasks):
            task.cancel()
        await asyncio.gather(answering, *tasks, return_exceptions=True)


async def _all_set(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


@dataclass(slots=True)
class Child:
    """One of several server processes. `metrics_ports` is of all of them, so that no two get one."""

    command: Sequence[str]
    metrics_ports: list[int]
    place: int
    api_port: int
    port_was_told: bool
    answering: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def metrics_port(self) -> int:
        return self.metrics_ports[self.place]

    def find_port(self) -> None:
        """Keep the port of the metrics; where nobody said which, take another if somebody took it meanwhile.

        Why it stays where it was told: whoever told it looks for the figures there. While the port is taken, the
        process says so and ends, and is started again until it can be had.
        """
        if self.port_was_told:
            return
        found = exposure.metrics_port_again(self.metrics_port, self.metrics_ports, self.api_port)
        self.metrics_ports[self.place] = found


async def _keep_running(child: Child, ending: Ending, say: Progress) -> None:
    while True:
        process = await asyncio.create_subprocess_exec(
            *child.command, "--metrics-port", str(child.metrics_port),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            if process.stdout is not None and await process.stdout.readline():
                child.answering.set()
            status = await process.wait()
        finally:
            await _end(process, ending)
        await asyncio.sleep(_RESPAWN_SECONDS)
        child.find_port()
        say(f"a server process ended unasked (status {status}); starting it again, metrics on {child.metrics_port}…")


async def _end(child: asyncio.subprocess.Process, ending: Ending) -> None:
    if child.returncode is not None:
        return
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), ending.left(0.6, _CHILD_SECONDS))
    except TimeoutError:
        child.kill()
        await child.wait()
