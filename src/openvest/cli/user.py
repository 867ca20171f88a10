"""What a user of the API does from the console: calls, and the clock of a sandbox. All of it over HTTP."""

from __future__ import annotations

import json
import shlex
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openvest.cli.failures import NETWORK, USAGE, Failed
from openvest.cli.options import DEFAULT_DATA_DIR, DataDir
from openvest.core.contracts import Contract

if TYPE_CHECKING:
    from openvest.sdk.client import Client, Response

PROFILE = "profile.toml"
API_EXAMPLES = (
    "Examples: openvest api GET '/instruments?limit=2' · openvest api --contract lite GET '/orders?status=FILLED' · "
    "openvest api POST /orders -d @order.json · "
    """openvest api POST /tests/clock/advance -d '{"next_open":"XETR"}'"""
)
AsClient = Annotated[
    Contract | None,
    typer.Option(
        "--contract",
        help="As which client of the profile: v1 signs every request, lite bears its token alone. The profile's first"
        " by default, which is v1 where openvest serve made it.",
    ),
]
ProfileFile = Annotated[
    Path | None, typer.Option("--profile", metavar="FILE", help="Another profile than DIR/profile.toml.")
]


def api(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PATCH, PUT or DELETE.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Path and query, percent-encoded, from the first slash.")],
    data: Annotated[
        str | None, typer.Option("-d", "--data", metavar="@FILE|JSON", help="Body: JSON, or @ and a file; @- reads it.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="UUID", help="Of a POST; a fresh one by default.")
    ] = None,
    contract: AsClient = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    profile: ProfileFile = None,
) -> None:
    """Send one request with the credentials of the profile; print the JSON, and the status to stderr."""
    body = _body(data)
    with client_of(data_dir, profile, contract) as client:
        answer = ask(client, method, path, body, idempotency_key)
    typer.echo(str(answer.status), err=True)
    if answer.body:
        typer.echo(pretty(answer))
    if not answer.ok:
        raise Failed(f"The server answered {answer.status}.", advice(answer))


clock = typer.Typer(no_args_is_help=True, help="Show and move the business time of a sandbox that is being served.")


@clock.command("show", epilog="Example: openvest clock show")
def show(data_dir: DataDir = DEFAULT_DATA_DIR, profile: ProfileFile = None) -> None:
    """Show the instant the clock stands at, and whether it runs."""
    _clock(data_dir, profile, "GET", "/tests/clock")


@clock.command("freeze", epilog="Example: openvest clock freeze")
def freeze(data_dir: DataDir = DEFAULT_DATA_DIR, profile: ProfileFile = None) -> None:
    """Let the clock stand still."""
    _clock(data_dir, profile, "POST", "/tests/clock/freeze")


@clock.command("thaw", epilog="Example: openvest clock thaw")
def thaw(data_dir: DataDir = DEFAULT_DATA_DIR, profile: ProfileFile = None) -> None:
    """Let the clock run on from where it stands."""
    _clock(data_dir, profile, "POST", "/tests/clock/thaw")


@clock.command(
    "advance",
    epilog="Examples: openvest clock advance --by P4D · openvest clock advance --to 2026-03-31T12:00:00Z · "
    "openvest clock advance --next-open XETR",
)
def advance(
    by: Annotated[str | None, typer.Option("--by", metavar="DURATION", help="ISO 8601: P4D, P1M, PT90M.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="RFC 3339 with its zone.")] = None,
    next_open: Annotated[str | None, typer.Option("--next-open", metavar="MIC", help="Next opening: XETR.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    profile: ProfileFile = None,
) -> None:
    """Move the clock forward and do all that falls due on the way; waits until it is there."""
    given = {name: value for name, value in (("by", by), ("to", to), ("next_open", next_open)) if value is not None}
    if len(given) != 1:
        raise Failed(
            "Say where to with exactly one of --by, --to and --next-open.", "openvest clock advance --by P1D", USAGE
        )
    _clock(data_dir, profile, "POST", "/tests/clock/advance", given)


def _clock(data_dir: Path, profile: Path | None, method: str, path: str, body: Any = None) -> None:
    import time

    with client_of(data_dir, profile) as client:
        answer = ask(client, method, path, body)
        # A long way is gone in the background; the clock says how far it is.
        while answer.ok and not answer.json()["done"]:
            time.sleep(0.2)
            answer = ask(client, "GET", "/tests/clock")
    if not answer.ok:
        typer.echo(pretty(answer), err=True)
        raise Failed(f"The server answered {answer.status}.", advice(answer))
    shown = answer.json()
    typer.echo(f"{shown['now']}  {shown['mode']}" + (f"  {shown['handled']} handled" if shown.get("handled") else ""))


def client_of(data_dir: Path, profile: Path | None, contract: Contract | None = None) -> Client:
    """The profile's first client, or the one that speaks this contract. Raises: Failed."""
    from openvest.sdk.client import Client
    from openvest.sdk.profile import ProfileError

    file = profile or data_dir / PROFILE
    try:
        return Client.from_profile(file, contract)
    except ProfileError as error:
        raise Failed(str(error), _advice_on_profile(data_dir, profile)) from None


def _advice_on_profile(data_dir: Path, named: Path | None) -> str:
    """What to do about a profile that cannot be used. A start of `serve` makes one wherever there is none of use."""
    if named is not None:
        return "name another profile with --profile, or leave it out for the one openvest serve makes in --data-dir"
    where = "" if data_dir == DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(str(data_dir))}"
    return f"stop openvest serve if it runs, and start it (again), which makes a profile: openvest serve{where}"


def ask(client: Client, method: str, path: str, body: Any = None, key: str | None = None) -> Response:
    """Raises: Failed where nobody answers, or the path cannot be sent."""
    from openvest.sdk.client import Unreachable

    try:
        return client.request(method, path, body, idempotency_key=key)
    except Unreachable as error:
        raise Failed(str(error), "start it with openvest serve, then run the command again", NETWORK) from None
    except ValueError as error:
        raise Failed(str(error), "write the path as it goes over the wire, for example /users?limit=1", USAGE) from None


def _body(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    try:
        body = typer.get_binary_stream("stdin").read() if data == "@-" else Path(data[1:]).read_bytes()
        # Editors put a byte-order mark before a file; JSON on the wire has none.
        return body.removeprefix(BOM_UTF8)
    except OSError as error:
        raise Failed(
            f"The body cannot be read ({error}).", "give -d JSON, or -d @FILE of a file that is there"
        ) from None


def pretty(answer: Response) -> str:
    """The body as people read it."""
    try:
        return json.dumps(answer.json(), indent=2, ensure_ascii=False)
    except ValueError:
        return answer.body.decode("utf-8", "replace")


def advice(answer: Response) -> str:
    """What to do about a refusal."""
    return {
        400: "correct what the answer names, and send it again",
        401: "openvest client list shows whether the client is still in use; where it is not, or its secret or key is "
        "another, the next start of openvest serve makes a new one",
        403: "make a client with more scopes: openvest client create --help",
        405: "use a method that the answer names",
        404: "check the id and the path; /docs lists all operations",
        429: "wait a second and send it again",
        503: "wait until /health/ready is green, then send it again",
    }.get(answer.status, "read the detail above; /docs describes the operation")
