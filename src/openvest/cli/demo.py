"""`openvest demo`: a server of its own, one life over signed HTTP, every claim checked, and the proof."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from openvest.cli.demo_life import FROZEN_AT, Life, NotHeld, numbered_keys
from openvest.cli.described import Description
from openvest.cli.listener import Delivery, Mailbox, gaps, keys_of, listening
from openvest.cli.tables import print_table, wide_console
from openvest.db.embedded import remove_database
from openvest.features.tenants.model import SCOPES
from openvest.ledger.audit import Proof
from openvest.main.environment import forget_database_urls
from openvest.main.exposure import next_free
from openvest.main.installation import Installation
from openvest.sdk.client import Client, Unreachable
from openvest.sdk.clock import unix_seconds
from openvest.sdk.profile import Profile, SigningKey

TENANT = "demo"
_START_SECONDS, _STOP_SECONDS, _MAIL_SECONDS = 90, 30, 30
_MOST_EVENTS = 1_000
_FIRST_PORT = 8000


class Telling:
    """Tells the story on the console and counts what held."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.held, self.broken = 0, list[str]()

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None:
        print_table(columns, rows, numbers=numbers, console=self.console, indent=4)

    def expect(self, claim: str, holds: bool, seen: object = None) -> None:
        if holds:
            self.held += 1
            self.console.print(f"  [green]✔[/green] {escape(claim)}")
        else:
            self.broken.append(claim)
            self.console.print(f"  [red]✘[/red] {escape(claim)}" + ("" if seen is None else escape(f" (seen: {seen})")))


def show_demo(*, keep: bool = False) -> int:
    """Live the life. Returns the exit status: 0 only if all of it held."""
    begun = time.monotonic()
    forget_database_urls()
    telling = Telling(wide_console())
    folder = Path(tempfile.mkdtemp(prefix="openvest-demo-"))
    telling.console.print("[bold]OpenVest[/bold]: one investment life, over signed HTTP, on a database of its own")
    try:
        with listening(unix_seconds) as box, _server(folder, box, telling) as url:
            started = time.monotonic() - begun
            telling.console.print(f"  ready in {started:.1f} s at {url}")
            _live(folder, url, box, telling)
    except (NotHeld, Unreachable) as error:
        telling.expect(str(error), False)
    finally:
        if keep:
            telling.console.print(f"\nIts database stays in {folder}.")
        else:
            with contextlib.suppress(OSError):
                remove_database(folder)
            shutil.rmtree(folder, ignore_errors=True)
    return _close(telling, time.monotonic() - begun)


def _live(folder: Path, url: str, box: Mailbox, telling: Telling) -> None:
    profile = _make_client(folder, url)
    with Client(profile) as plain:
        description = Description(plain.plain("/openapi/v1.json").json())

    with Client(profile, keys=numbered_keys("demo"), seen=description.look) as client:
        Life(client, telling, box.url).live()
        telling.chapter("What the webhook heard")
        keys = keys_of(client.request("GET", "/auth/verify_keys").json())
        told, proof = _look_inside(folder)
        _judge_mail(_all_mail(box, told), keys, told, telling)
    telling.chapter("The books")
    rows = [(name, value) for name, value in proof.figures.items()]
    telling.table(("figure", "value"), rows, numbers=("value",))
    broken = ", ".join(finding.name for finding in proof.findings)
    telling.expect(f"ledger prove: {proof.laws} laws hold ({proof.milliseconds} ms)", proof.clean, broken)
    telling.expect(
        f"all {description.held} answers are as /openapi/v1.json describes them",
        not description.deviations,
        "; ".join(description.deviations[:5]),
    )


def _all_mail(box: Mailbox, told: Sequence[str]) -> list[Delivery]:
    """What arrived, as soon as the last event has, or after a while."""
    deadline = time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < deadline:
        if any(event["id"] == told[-1] for delivery in list(box.deliveries) for event in delivery.events):
            break
        time.sleep(0.02)
    return list(box.deliveries)


def _judge_mail(mail: Sequence[Delivery], keys: Any, told: Sequence[str], telling: Telling) -> None:
    kinds: dict[str, int] = {}
    for delivery in mail:
        for event in delivery.events:
            kind = str(event["type"]).partition(".")[0]
            kinds[kind] = kinds.get(kind, 0) + 1
    telling.table(("events about", "how many"), [(kind, str(count)) for kind, count in kinds.items()], ("how many",))
    ids = [str(event["id"]) for delivery in mail for event in delivery.events]
    missing = set(told) ^ set(ids)
    telling.expect(f"all {len(told)} events arrived, in {len(mail)} packages", not missing, missing)
    refused = [why for delivery in mail if (why := delivery.signed_by(keys)) is not None]
    claim = f"the signature of every package verifies with the published key{'s' if len(keys) > 1 else ''}"
    telling.expect(claim, bool(mail) and not refused, refused)
    first = mail[0].numbers[1] if mail else 0
    telling.expect("they follow one another from 1 without a gap", first == 1 and not gaps(mail), gaps(mail))
    telling.expect("no event came twice", len(set(ids)) == len(ids))


def _make_client(folder: Path, url: str) -> Profile:
    """A tenant whose clock stands still, and a client with a fresh P-521 key: what an operator does first."""
    command = ["client", "create", "--tenant", TENANT, "--contract", "v1", "--scopes", "all", "--json"]
    more = ["--pace", "calendar", "--frozen-at", FROZEN_AT, "--rate-limit", "none", "--data-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "openvest", *command, *more], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        raise NotHeld(f"a client is made; it said: {done.stderr.strip()}")
    made = json.loads(done.stdout)
    return Profile(
        url=url,
        client_id=made["client_id"],
        client_secret=made["client_secret"],
        scopes=" ".join(SCOPES),
        key=SigningKey(made["key_id"], Path(made["private_key_file"]).read_bytes()),
        tenant_id=made["tenant_id"],
    )


def _look_inside(folder: Path) -> tuple[list[str], Proof]:
    """The ids of all events that v1 tells, and the proof of the books: what an operator sees."""
    from openvest.catalog import INVARIANTS, TOLD
    from openvest.cli.operator_session import inside, one_tenant
    from openvest.events.log import events_after
    from openvest.events.sequencer import number_events
    from openvest.ledger.audit import prove_tenant

    async def work(installation: Installation) -> tuple[list[str], Proof]:
        database = installation.assembled.database
        tenant_id = (await one_tenant(installation, TENANT)).tenant_id
        await number_events(database, tenant_id)
        events = await database.read(tenant_id, lambda unit: events_after(unit, 0, _MOST_EVENTS))
        told = [str(event.id) for event in events if event.type in TOLD["v1"]]
        return told, await prove_tenant(database, tenant_id, INVARIANTS)

    return inside(folder, work, lambda _: None)


@contextmanager
def _server(folder: Path, box: Mailbox, telling: Telling) -> Generator[str]:
    """`openvest serve` as its own process, ready. Raises: NotHeld with what it said."""
    port = next_free("127.0.0.1", _FIRST_PORT) or _FIRST_PORT
    allowed = f"127.0.0.1:{box.port}"
    telling.console.print(f"  webhooks may go to {allowed} in the clear: a development allow-list permits it")
    log = folder / "serve.log"
    command = [sys.executable, "-m", "openvest", "serve", "--data-dir", str(folder), "--port", str(port)]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--allow-webhooks-to", allowed],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line.startswith("openvest ready "):
            process.wait(_START_SECONDS)
            said = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise NotHeld(f"the server starts; it said: {' '.join(said)}")
        yield line.split()[-1]
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _close(telling: Telling, seconds: float) -> int:
    say = telling.console.print
    if telling.broken:
        say(f"\n[red]✘ {len(telling.broken)} of {telling.held + len(telling.broken)} expectations did not hold:[/red]")
        for claim in telling.broken:
            say(f"  {escape(claim)}")
        say("\nnext: run it again with --keep and look at serve.log in the folder it names")
        return 1
    say(f"\n[green]✔ all {telling.held} expectations held[/green], in {seconds:.1f} s")
    say("\nTry next:")
    say("  make serve                         a sandbox with a customer and money, and commands to copy")
    say("  .venv/bin/openvest --help          everything else, with examples")
    return 0
