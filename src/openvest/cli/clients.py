"""`openvest client …`: API clients, their keys and secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from openvest.cli.failures import USAGE, Failed
from openvest.cli.options import DEFAULT_DATA_DIR, PACES, AsJson, DataDir, Pace
from openvest.core.contracts import RULES, Contract

if TYPE_CHECKING:
    from openvest.db.unit import Database
    from openvest.features.tenants.model import NewClient
    from openvest.main.installation import Installation

app = typer.Typer(no_args_is_help=True, help="Make, list and end API clients; a running serve knows them at once.")

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="Id of the client, as `client list` shows it.")]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        "--public-key", metavar="FILE.pem", help="SPKI PEM of P-521 or Ed25519; without it a v1 client gets a key."
    ),
]

NewProfile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        metavar="FILE",
        help="Where the profile is written: a new file; DIR/profiles/CLIENT_ID.toml by default.",
    ),
]
Licence = Annotated[
    Literal["TOL", "BYOL"] | None,
    typer.Option(
        "--licence",
        help="Whose licence the customers of a new tenant invest under: ours (TOL, the default) or its own (BYOL).",
    ),
]


@app.command(
    epilog='Examples: openvest client create --tenant acme --scopes "users:admin orders:admin" --json · '
    "openvest client create --tenant acme --contract lite"
)
def create(
    tenant: Annotated[str, typer.Option("--tenant", metavar="NAME", help="The tenant, made if there is none.")],
    contract: Annotated[Contract, typer.Option("--contract", help="The contract it speaks.")] = "v1",
    scopes: Annotated[
        str, typer.Option("--scopes", metavar='"a b"|all', help="What it may do: scopes separated by blanks.")
    ] = "all",
    public_key: PublicKey = None,
    pace: Annotated[Pace | None, typer.Option("--pace", help=f"{PACES} Of a new tenant; instant by default.")] = None,
    licence: Licence = None,
    rate_limit: Annotated[
        str | None,
        typer.Option(
            "--rate-limit", metavar="N|none", help="Requests per second; without it 300 in a sandbox, else none."
        ),
    ] = None,
    frozen_at: Annotated[
        str | None,
        typer.Option(
            "--frozen-at",
            metavar="INSTANT",
            help="Let the clock of a new tenant stand still here: 2026-03-02T09:30:00Z.",
        ),
    ] = None,
    profile: NewProfile = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make a client, and its tenant if there is none. The secret is shown this once.

    A client of v1 signs, with a key that is made here unless you give yours; one of lite bears its token alone. The
    profile that is written serves `openvest api GET /users --profile FILE`.
    """
    from openvest.cli.operator_session import inside
    from openvest.main.profiles import refuse_existing

    wanted = _Wanted(contract, scopes, _limit(rate_limit), rate_limit == "none", profile)
    about_tenant = {"pace": pace, "licence": licence, "frozen_at": _instant(frozen_at)}
    pem = _pem(public_key) if public_key is not None else None
    if pem is not None and profile is not None:
        sentence = "A profile names the private key, which --public-key keeps to yourself."
        raise Failed(sentence, "leave out one of --public-key and --profile", USAGE)
    refuse_existing(profile)
    inside(
        data_dir,
        lambda installation: _create(installation, tenant, about_tenant, wanted, pem),
        lambda made: _print(made, as_json),
        first=True,
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A client as it is to be."""

    contract: Contract
    scopes: str
    rate_limit: int | None
    no_rate_limit: bool
    profile: Path | None


async def _create(
    installation: Installation, tenant: str, about_tenant: dict[str, Any], wanted: _Wanted, pem: str | None
) -> dict[str, str]:
    from openvest.db.unit import Unit
    from openvest.features.tenants import service as tenants
    from openvest.main.first_start import make_client_with_key, make_client_without_key

    database = installation.assembled.database
    # Before the tenant, which would stay behind alone.
    tenants.check_client(wanted.scopes, pem)
    others = [one.name for one in await tenants.all_tenants(database)]
    tenant_id = await tenants.create_tenant(database, tenant, mode=installation.mode, **about_tenant)

    async def make(unit: Unit) -> NewClient:
        return await tenants.create_client(
            unit,
            contract=wanted.contract,
            scopes=wanted.scopes,
            rate_limit=wanted.rate_limit,
            no_rate_limit=wanted.no_rate_limit,
        )

    async def make_with_its_key(unit: Unit) -> tuple[NewClient, UUID]:
        client = await make(unit)
        return client, await tenants.add_key(unit, client.client_id, pem or "")

    if tenant not in others:
        besides = f"; there are already {', '.join(others)}" if others else ""
        typer.echo(f"the tenant {tenant} was not there and has been made{besides}", err=True)
    if pem is not None:
        client, key_id = await database.write(tenant_id, make_with_its_key, n=0)
        return _credentials(client, key_id)
    about = {"tenant": tenant, "contract": wanted.contract}
    if not RULES[wanted.contract].signed:
        client, scopes = await make_client_without_key(installation, tenant_id, make)
        made = _credentials(client)
        about |= {**made, "scopes": " ".join(scopes)}
        return {**made, **_write_profile(installation, wanted.profile, about, None)}
    client, key_id, file, scopes = await make_client_with_key(installation, tenant_id, make)
    made = _credentials(client, key_id)
    about |= {**made, "scopes": " ".join(scopes)}
    return {**made, "private_key_file": str(file), **_write_profile(installation, wanted.profile, about, file)}


def _credentials(client: NewClient, key_id: UUID | None = None) -> dict[str, str]:
    made = {
        "tenant_id": str(client.tenant_id),
        "client_id": str(client.client_id),
        "client_secret": client.client_secret,
    }
    return made if key_id is None else {**made, "key_id": str(key_id)}


def _write_profile(
    installation: Installation, asked: Path | None, about: dict[str, str], key: Path | None
) -> dict[str, str]:
    """Why a failure is only told: the client is there, and its secret must still be shown."""
    from openvest.main.profiles import known_url, profile_file, write_profile

    data_dir = installation.environment.data_dir
    file = profile_file(data_dir, about["client_id"], asked)
    try:
        write_profile(file, {"url": known_url(data_dir), **about}, key)
    except OSError as error:
        typer.echo(f"no profile could be written ({error})", err=True)
        return {}
    return {"profile": str(file)}


@app.command("add-key", epilog="Example: openvest client add-key CLIENT_ID --public-key new.pem --json")
def add_key(
    client_id: ClientId,
    public_key: Annotated[Path, typer.Option("--public-key", metavar="FILE.pem", help="SPKI PEM of P-521 or Ed25519.")],
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Register a further public key of a client; the others stay."""
    pem, which = _pem(public_key), _uuid(client_id)

    async def work(installation: Installation) -> dict[str, str]:
        from openvest.features.tenants import service as tenants

        database = installation.assembled.database
        tenant_id = await _tenant_of(database, which)
        key_id = await database.write(tenant_id, lambda unit: tenants.add_key(unit, which, pem), n=0)
        return {"key_id": str(key_id)}

    from openvest.cli.operator_session import inside

    inside(data_dir, work, lambda made: _print(made, as_json))


@app.command("list", epilog="Example: openvest client list --tenant acme")
def list_(
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Of this tenant only.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """List clients, the disabled ones too."""
    from openvest.cli.operator_session import chosen_tenants, inside

    async def work(installation: Installation) -> list[dict[str, Any]]:
        from openvest.core.clock import instant
        from openvest.features.tenants import service as tenants

        rows: list[dict[str, Any]] = []
        for known in await chosen_tenants(installation, tenant):
            for client in await installation.assembled.database.read(known.tenant_id, tenants.list_clients):
                rows.append(
                    {
                        "tenant": known.name,
                        "tenant_id": str(client.tenant_id),
                        "client_id": str(client.id),
                        "name": client.name,
                        "contract": client.contract,
                        "scopes": " ".join(client.scopes),
                        "rate_limit": client.rate_limit,
                        "created_at": instant(client.created_at),
                        "disabled_at": instant(client.disabled_at) if client.disabled_at else None,
                    }
                )
        return rows

    inside(data_dir, work, lambda rows: _print_clients(rows, as_json))


def _print_clients(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    from openvest.cli.tables import print_table

    shown = [
        (r["tenant"], r["client_id"], r["name"], r["contract"], str(r["rate_limit"] or "none"), r["disabled_at"] or "")
        for r in rows
    ]
    print_table(("tenant", "client id", "name", "contract", "requests/s", "disabled at"), shown)


@app.command(epilog="Example: openvest client disable CLIENT_ID")
def disable(client_id: ClientId, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """End a client and its tokens; running servers refuse it at once."""
    from openvest.cli.operator_session import inside

    which = _uuid(client_id)

    async def work(installation: Installation) -> None:
        from openvest.features.tenants import service as tenants

        database = installation.assembled.database
        tenant_id = await _tenant_of(database, which)
        await database.write(tenant_id, lambda unit: tenants.disable_client(unit, which), n=0)

    inside(data_dir, work, lambda _: typer.echo(f"client {which} is disabled"))


@app.command("rotate-secret", epilog="Example: openvest client rotate-secret CLIENT_ID --json")
def rotate_secret(client_id: ClientId, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Exchange a client's secret, which is shown this once; tokens bought with the old one end."""
    from openvest.cli.operator_session import inside

    which = _uuid(client_id)

    async def work(installation: Installation) -> dict[str, str]:
        from openvest.features.tenants import service as tenants

        database = installation.assembled.database
        tenant_id = await _tenant_of(database, which)
        client = await database.write(tenant_id, lambda unit: tenants.rotate_secret(unit, which), n=0)
        return {"client_id": str(client.client_id), "client_secret": client.client_secret}

    inside(data_dir, work, lambda made: _print(made, as_json))


async def _tenant_of(database: Database, client_id: UUID) -> UUID:
    """Raises: Failed."""
    from openvest.core.problems import NotFound
    from openvest.features.tenants import service as tenants

    try:
        return await tenants.client_tenant(database, client_id)
    except NotFound as unknown:
        raise Failed(unknown.detail, "openvest client list shows those there are") from None


def _print(values: dict[str, str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values))
    else:
        typer.echo("\n".join(f"{name:18} {value}" for name, value in values.items()))


def _limit(text: str | None) -> int | None:
    if text in (None, "none"):
        return None
    if text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000:
        return int(text)
    raise Failed(f"--rate-limit is a number from 1 on, or none; not {text}.", "for example --rate-limit 300", USAGE)


def _instant(text: str | None) -> datetime | None:
    from openvest.core.clock import parse_instant

    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise Failed(f"--frozen-at: {error}.", "for example --frozen-at 2026-03-02T09:30:00Z", USAGE) from None


def _pem(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(
            f"{file} cannot be read as a PEM file ({error}).",
            "openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out public.pem",
        ) from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Failed(f"{text} is no client id.", "openvest client list shows all ids", USAGE) from None
