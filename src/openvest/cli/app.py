"""`openvest …`: the commands, their options and what --help says. Each imports its work only when it is called."""

from __future__ import annotations

import gc
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, Exit, TyperException
from typer.main import get_command

from openvest.cli import backups, bank, clients, listen, operator, payments, tenants, user
from openvest.cli import work as work_commands
from openvest.cli.failures import USAGE, Failed, failure_of, tell
from openvest.cli.options import DEFAULT_DATA_DIR, PACES, DataDir, Mode, Pace
from openvest.core.memory import FRESH_OBJECTS

app = typer.Typer(
    name="openvest",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An open investment core: signed orders in, settled positions and provable books out.",
    epilog="Start with [bold]openvest serve[/bold], or watch everything once with [bold]openvest demo[/bold].",
)
Host = Annotated[str, typer.Option("--host", metavar="H", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", metavar="N", min=1, max=65535, help="Port to listen on.")]
ModeOption = Annotated[
    Mode | None,
    typer.Option("--mode", help="A sandbox, the default, simulates the outside world. The first start decides."),
]
PaceOption = Annotated[
    Pace | None,
    typer.Option("--pace", help=f"{PACES} Of the first tenant; calendar by default."),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="What the simulated market grows from; the first start decides."),
]
Workers = Annotated[
    int, typer.Option("--workers", metavar="N", min=1, max=64, help="HTTP processes; 1 keeps all in one process.")
]
NO_HTTP = "Accepted for the sake of one command line for all processes; a worker listens nowhere."
WorkerHost = Annotated[str, typer.Option("--host", metavar="H", help=NO_HTTP)]
WorkerPort = Annotated[int, typer.Option("--port", metavar="N", min=1, max=65535, help=NO_HTTP)]
WorkerWorkers = Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help=NO_HTTP)]
OthersPace = Annotated[
    Pace | None,
    typer.Option("--pace", help="Accepted for the sake of one command line; only serve makes a first tenant."),
]
WebhooksTo = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-webhooks-to",
        metavar="HOST:PORT",
        help="Development only: webhooks may go to this address although it is not public. May be repeated.",
    ),
]
BehindProxy = Annotated[
    bool, typer.Option("--behind-proxy", help="Production: a proxy in front of this server ends TLS.")
]
Certificate = Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE", help="Serve TLS with this PEM chain.")]
Key = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The private key of the certificate.")]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="N",
        min=1,
        max=65535,
        help="Port of /metrics on 127.0.0.1; further HTTP processes take the ports after it. Without it, the first "
        "free ones from 9100 on.",
    ),
]
Joined = Annotated[bool, typer.Option("--joined", hidden=True)]


def _show_version(asked: bool) -> None:
    if asked:
        from openvest.cli.versions import version_of

        typer.echo(f"openvest {version_of('openvest')}")
        raise Exit


@app.callback()
def before_every_command(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """What all commands share; the text of its help stands at `app`."""


@app.command(epilog="Example: openvest serve --data-dir ./var --port 8000 --allow-webhooks-to 127.0.0.1:9000")
def serve(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    mode: ModeOption = None,
    pace: PaceOption = None,
    seed: Seed = None,
    workers: Workers = 1,
    allow_webhooks_to: WebhooksTo = None,
    behind_proxy: BehindProxy = False,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Serve the API and do the work behind it, with the embedded database or the one of DATABASE_URL.

    The first start of a sandbox makes a tenant, a client whose credentials are in profile.toml, and a customer with
    10,000.00 EUR. Ctrl-C stops everything.
    """
    _run("serve", locals())


@app.command(epilog="Example: openvest server --data-dir ./var --port 8001")
def server(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    mode: ModeOption = None,
    pace: OthersPace = None,
    seed: Seed = None,
    workers: Workers = 1,
    allow_webhooks_to: WebhooksTo = None,
    behind_proxy: BehindProxy = False,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    metrics_port: MetricsPort = None,
    joined: Joined = False,
) -> None:
    """Serve the API alone; run at least one worker beside it."""
    _run("server", locals())


@app.command(epilog="Example: openvest worker --data-dir ./var")
def worker(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    host: WorkerHost = "127.0.0.1",
    port: WorkerPort = 8000,
    mode: ModeOption = None,
    pace: OthersPace = None,
    seed: Seed = None,
    workers: WorkerWorkers = 1,
    allow_webhooks_to: WebhooksTo = None,
) -> None:
    """Do what is due: orders, settlement, webhooks. Several may run at once."""
    given = {"data_dir": data_dir, "mode": mode, "seed": seed, "allow_webhooks_to": allow_webhooks_to}
    _run("worker", given)


@app.command(epilog="Example: openvest demo")
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the database where it was made and say where.")] = False,
) -> None:
    """Watch one whole investment life over signed HTTP, on a database of its own. Exits 0 only if all of it held."""
    from openvest.cli.demo import show_demo

    raise Exit(show_demo(keep=keep))


app.add_typer(clients.app, name="client")
app.add_typer(tenants.app, name="tenants")
app.add_typer(payments.app, name="payments")
app.add_typer(user.clock, name="clock")
app.add_typer(operator.ledger, name="ledger")
app.add_typer(bank.app, name="bank")
app.add_typer(operator.events, name="events")
app.add_typer(work_commands.work, name="work")
app.add_typer(operator.instruments, name="instruments")
app.add_typer(operator.prices, name="prices")
app.add_typer(operator.db, name="db")
app.command("backup", epilog="Example: openvest backup /backups/2026-11-29")(backups.backup)
app.command("restore", epilog="Example: openvest restore /backups/2026-11-29 --verify --data-dir ./restored")(
    backups.restore
)
app.command("api", epilog=user.API_EXAMPLES)(user.api)
app.command("listen", epilog=listen.EXAMPLES)(listen.listen)
app.command("doctor", epilog="Example: openvest doctor --data-dir ./var")(operator.doctor)


_commands = cache(get_command)  # else made anew, in 17 ms, by each command line of a process that runs several


def _run(process: str, options: dict[str, Any]) -> None:
    from openvest.cli.processes import run_process

    run_process(process, **options)


def main() -> None:
    """Run a command. Exit status: 0 done, 1 refused, 2 wrongly called, 3 nobody answers."""
    gc.set_threshold(FRESH_OBJECTS)  # what a command imports stays; looking through it was a sixth of its start
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line. Returns the exit status."""
    try:
        status = _commands(app)(arguments, standalone_mode=False)
    except TyperException as error:
        if not error.format_message():
            return USAGE  # the help was shown, which says it all
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "openvest"
        return tell(Failed(error.format_message(), f"{path} --help", USAGE))
    except Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        return tell(failure)
    return status if isinstance(status, int) else 0
