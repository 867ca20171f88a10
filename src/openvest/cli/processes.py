"""What `serve`, `server` and `worker` say on the console."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openvest.cli.listen import PORT
from openvest.main.environment import read_environment
from openvest.main.exposure import metrics_url
from openvest.main.first_start import Sandbox
from openvest.main.installation import Installation
from openvest.main.processes import Options, run, serve, server, worker

EXAMPLE = "IE00B4L5Y983"
LACKING = (
    "the embedded database has no standby and no archive of its log: with this disk goes all since the last backup,",
    "its files belong to the user who also serves, and no other machine can use it;",
    "for production name a PostgreSQL of your own in DATABASE_URL (README, The database)",
)
"""What the embedded database lacks for production."""
_TAKE_ID = """sed -n 's/^  "id": "\\(.*\\)",$/\\1/p'"""
_PROCESSES = {"serve": serve, "server": server, "worker": worker}


def run_process(process: str, *, data_dir: Path, **given: Any) -> None:
    """Run one of the processes until it is asked to end. Raises: what `failure_of` knows."""
    renamed = {"tls_cert": "certificate", "tls_key": "key", "allow_webhooks_to": "webhooks_to"}
    values = {renamed.get(name, name): value for name, value in given.items()}
    if values.get("seed") is not None:
        values["seed"] = str(values["seed"])
    values["webhooks_to"] = tuple(values.get("webhooks_to") or ())
    options = Options(environment=read_environment(data_dir), **values)
    command = Command(process, options)
    run(lambda: _PROCESSES[process](options, command.ready, command.say), options.ending)


class Command:
    """One process and what it tells."""

    def __init__(self, process: str, options: Options) -> None:
        self._process, self._options = process, options

    def say(self, sentence: str) -> None:
        """Progress goes to the error stream, so that the ready line can be waited for."""
        print(sentence, file=sys.stderr, flush=True)

    def ready(self, installation: Installation, sandbox: Sandbox | None, metrics_ports: Sequence[int]) -> None:
        options = self._options
        if self._process == "worker":
            print("openvest worker ready", flush=True)
            return
        if options.joined:
            print(f"openvest ready {options.url}", flush=True)
            return
        lines = [f"openvest ready {options.url}", ""]
        if installation.urls.embedded:
            lines.append(f"  data      {options.environment.data_dir.resolve()} (embedded PostgreSQL)")
            if installation.mode == "production":
                lines += [f"  note      {sentence}" for sentence in LACKING]
        else:
            lines.append("  data      the database of DATABASE_URL")
        if (outward := options.outward_url) is not None:
            lines.append(f"  network   {outward}")
        lines.append(f"  docs      {options.url}/docs")
        for place, port in enumerate(metrics_ports):
            lines.append(f"  {'' if place else 'metrics':9} {metrics_url(port)}")
        if options.webhooks_to:
            lines.append(f"  webhooks  may go to {', '.join(options.webhooks_to)} in the clear (development only)")
        if sandbox is not None:
            lines += _hints(options, sandbox)
        lines += ["", "Ctrl-C stops it."]
        print("\n".join(lines), flush=True)


def _hints(options: Options, sandbox: Sandbox) -> list[str]:
    """Commands that work as they stand, pasted into another terminal in the same folder."""
    program = _program()
    where = (
        ""
        if options.environment.data_dir == Path("var")
        else f" --data-dir {shlex.quote(str(options.environment.data_dir))}"
    )
    api = f"{program} api{where}"
    profile = f"  profile   {sandbox.profile} ({'just made' if sandbox.fresh else 'as before'})"
    customer = sandbox.customer
    if customer is None:
        return [profile]
    order = (
        f'{{"account_id":"{customer.account_id}","user_id":"{customer.user_id}","side":"BUY","order_type":"MARKET",'
        f'"instrument_id":"{EXAMPLE}","instrument_id_type":"ISIN","cash_amount":"250.00","currency":"EUR"}}'
    )
    target = next((entry for entry in options.webhooks_to if entry.startswith("127.0.0.1:")), f"127.0.0.1:{PORT}")
    port = target.rpartition(":")[2]
    listener = f"{program} listen{where}" + ("" if port == str(PORT) else f" --port {port}")
    lines = [
        profile,
        "",
        "In another terminal, place an order for the customer who is there:",
        f"  ID=$({api} POST /orders -d '{order}' | {_TAKE_ID}) && {api} GET /orders/$ID",
        "Watch it fill (outside trading hours it waits for the opening), and see what it bought:",
        f"  {api} GET /orders/$ID",
        f"  {api} GET /accounts/{customer.account_id}/positions",
        "Move the clock to the next opening, then past settlement:",
        f"  {program} clock advance --next-open XETR{where}",
        f"  {program} clock advance --by P4D{where}",
        "Receive webhooks on localhost, and place another order:",
        f"  {listener}",
        "Ask without a signature, with nothing but curl (the contract lite; docs/quickstart.md does all of it):",
        f"  {_with_curl(options.url, sandbox)}",
    ]
    if target not in options.webhooks_to:
        lines.insert(
            -3,
            f"  {program} serve{where}{other_options(options)} --allow-webhooks-to {target}     # in place of this one",
        )
    return lines


def _with_curl(url: str, sandbox: Sandbox) -> str:
    """One line that buys a token and uses it. Why the secret is read from the profile: a console may be recorded."""
    profile = shlex.quote(str(sandbox.profile))
    secret = f"""$(sed -n '/^\\[lite\\]/,$s/^client_secret = "\\(.*\\)"$/\\1/p' {profile})"""
    form = f"-d grant_type=client_credentials -d scope=users:read -d client_id={sandbox.bearer_id}"
    take = """sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'"""
    token = f"TOKEN=$(curl -s {url}/auth/token {form} -d client_secret={secret} | {take})"
    return f'{token} && curl -s {url}/users -H "authorization: Bearer $TOKEN"'


def other_options(options: Options) -> str:
    """The options in use besides the data directory, as they are written on a command line."""
    plain = Options(environment=options.environment)
    named = {
        "--host": "host",
        "--port": "port",
        "--mode": "mode",
        "--pace": "pace",
        "--seed": "seed",
        "--workers": "workers",
        "--tls-cert": "certificate",
        "--tls-key": "key",
        "--metrics-port": "metrics_port",
    }
    parts: list[str] = []
    for flag, name in named.items():
        if (value := getattr(options, name)) != getattr(plain, name):
            parts += [flag, shlex.quote(str(value))]
    parts += ["--behind-proxy"] if options.behind_proxy else []
    parts += [part for entry in options.webhooks_to for part in ("--allow-webhooks-to", shlex.quote(entry))]
    return "".join(f" {part}" for part in parts)


def _program() -> str:
    """How the program was called, so that a copied line calls the same."""
    return "openvest" if "/" not in sys.argv[0] else _relative(Path(sys.argv[0]))


def _relative(program: Path) -> str:
    if program.name != "openvest":
        return ".venv/bin/openvest"
    try:
        return str(program.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(program)
