"""`openvest listen`: webhooks on this machine, shown as they arrive, each held against its signature."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openvest.cli.failures import Failed
from openvest.cli.options import DEFAULT_DATA_DIR, DataDir
from openvest.cli.user import AsClient, ProfileFile, advice, ask, client_of

if TYPE_CHECKING:
    from openvest.cli.listener import Delivery
    from openvest.core.signing_keys import PublicKey
    from openvest.sdk.client import Client, Response

PORT = 9000
EXAMPLES = "Examples: openvest listen · openvest listen --contract lite --json · openvest listen --no-subscribe"


def listen(
    port: Annotated[int, typer.Option("--port", metavar="N", min=1, max=65535, help="Port to listen on.")] = PORT,
    subscribe: Annotated[
        bool,
        typer.Option(
            "--subscribe/--no-subscribe",
            help="Subscribe to everything and end that with Ctrl-C, or wait for a subscription of your own.",
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print whole events, one JSON document a line.")] = False,
    contract: AsClient = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    profile: ProfileFile = None,
) -> None:
    """Receive webhooks on 127.0.0.1 and print each event, and whether its signature holds. Ctrl-C ends it.

    The server must be allowed to send there: openvest serve --allow-webhooks-to 127.0.0.1:9000
    """
    from openvest.cli.listener import keys_of, listening
    from openvest.sdk.clock import unix_seconds

    with client_of(data_dir, profile, contract) as client:
        keys = keys_of(_told(ask(client, "GET", "/auth/verify_keys")))
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with (
            suppress(KeyboardInterrupt),
            _port(port),
            listening(unix_seconds, port, lambda delivery: _show(delivery, keys, as_json)) as box,
            _subscribed(client, box.url) if subscribe else nullcontext(),
        ):
            typer.echo(f"listening on {box.url}", err=True)
            while True:
                time.sleep(3600)


@contextmanager
def _port(port: int) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Failed(f"Port {port} cannot be had ({error.strerror}).", "give another --port N") from None


@contextmanager
def _subscribed(client: Client, url: str) -> Generator[None]:
    """Everything goes there as long as the block lasts. Raises: Failed."""
    if client.profile.contract == "lite":
        made = _told(ask(client, "POST", "/webhooks", {"url": url, "event_categories": ["ALL"]}))
    else:
        made = _told(ask(client, "POST", "/webhooks", {"title": "listen", "url": url, "type": ["ALL"]}))
        _told(ask(client, "PATCH", f"/webhooks/{made['id']}", {"enabled": True}))
    try:
        yield
    finally:
        ask(client, "DELETE", f"/webhooks/{made['id']}")


def _told(answer: Response) -> Any:
    """Raises: Failed."""
    if answer.ok:
        return answer.json()
    detail = answer.json()
    wrong = [str(error["field"]) for error in detail.get("errors", ())]
    then = "openvest serve --allow-webhooks-to 127.0.0.1:9000" if wrong == ["url"] else advice(answer)
    raise Failed(f"The server answered {answer.status}: {detail['detail']}", then)


def _show(delivery: Delivery, keys: Mapping[str, PublicKey], as_json: bool) -> None:
    """Print a package; what is none, because somebody else sent it, is only mentioned."""
    try:
        events, refused = delivery.events, delivery.signed_by(keys)
    except (ValueError, KeyError):
        typer.echo("something arrived that is no package of events", err=True)
        return
    held = "signature holds" if refused is None else f"signature does not hold: {refused}"
    for event in events:
        if as_json:
            typer.echo(json.dumps(event, ensure_ascii=False))
        else:
            name = event.get("type") or event["event_type"]
            typer.echo(f"{event['created_at']:27}  {name:32}  {event['object'].get('id', ''):36}  {held}")
