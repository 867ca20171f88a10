"""R48: secrets and sealed fields stand nowhere at rest; other personal data stands in no log and no figure."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from openvest.core.sealing import Secrets
from openvest.db.address import read_passwords
from openvest.db.data_dir import cluster_home
from openvest.main.installation import KEY_FILE
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.cluster import find_binaries
from tests.kit.people import FIT, KYC, USER
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Credentials, Wire
from tests.stateful.storm import SCOPE

TAX_NUMBER, NATIONAL_ID = "86095742719", "02070803628"
IBANS = ("NL70ABNA0106295004", "DE95500105173934555844")
SEALED_NAME = "Xaverius Geheimrat"
"""The other side of a bank transfer; it is nobody's name that the program shows."""
PERSON: dict[str, str] = {
    "first_name": "Zebulonius",
    "last_name": "Kanarienvogt",
    "email": "zebulonius.kanarienvogt@example.org",
    "birth_date": "1973-11-29",
    "birth_city": "Kanarstadt",
    "phone_number": "4915799887766",
}
STREET = "Am Kanarienbusch 4711"


@dataclass(frozen=True, slots=True)
class Canary:
    """Something to look for, and how it may have been written down."""

    name: str
    value: bytes = field(repr=False)

    @property
    def forms(self) -> Mapping[str, bytes]:
        said = {"plain": self.value, "hex": self.value.hex().encode(), "HEX": self.value.hex().upper().encode()}
        said["escaped"] = "".join(chr(b) if 31 < b < 127 and b != 92 else f"\\{b:03o}" for b in self.value).encode()
        for before in range(3):  # what stands in front of it decides how base64 cuts it; both ends belong to neighbours
            whole = base64.b64encode(bytes(before) + self.value)
            said[f"base64 after {before}"] = whole[-(-before * 8 // 6) : len(whole) - 4]
            said[f"base64url after {before}"] = said[f"base64 after {before}"].translate(bytes.maketrans(b"+/", b"-_"))
        return said


@dataclass(frozen=True, slots=True)
class Hit:
    canary: str
    form: str
    place: str


def search(canaries: Iterable[Canary], places: Mapping[str, Sequence[bytes]]) -> list[Hit]:
    """Where any of them stands in any form."""
    found: list[Hit] = []
    for canary in canaries:
        for form, needle in canary.forms.items():
            for place, texts in places.items():
                if any(needle in text for text in texts):
                    found.append(Hit(canary.name, form, place))
    return found


@dataclass(slots=True)
class Kept:
    """A served installation that people have used, and what must not be found of it."""

    stage: Stage
    metrics_port: int
    secrets: list[Canary] = field(default_factory=list[Canary])

    def keep(self, name: str, value: str | bytes) -> None:
        self.secrets.append(Canary(name, value.encode() if isinstance(value, str) else value))

    async def places(self) -> dict[str, list[bytes]]:
        """Everything that lies on disk or is told: a dump, the log of changes, data files, logs, figures."""
        address, home = self.stage.address(), cluster_home(self.stage.data_dir)
        assert home is not None
        superuser = await asyncpg.connect(address.superuser_dsn(address.database))
        try:
            await superuser.execute("checkpoint")
            oid = await superuser.fetchval("select oid from pg_database where datname = current_database()")
        finally:
            await superuser.close()
        data = home / "data"
        others = [folder for folder in (data / "base").iterdir() if folder.name != str(oid)]
        command = [str(find_binaries() / "pg_dump"), address.superuser_dsn(address.database)]
        dump = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
        files = [file for file in data.rglob("*") if not any(file.is_relative_to(other) for other in others)]
        return {
            "the dump": [dump.stdout],
            "the log of changes": [_without_page_heads(_read(sorted((data / "pg_wal").iterdir())))],
            "the data files": _read(file for file in files if not file.is_relative_to(data / "pg_wal")),
            **await self.told(),
        }

    async def told(self) -> dict[str, list[bytes]]:
        home = cluster_home(self.stage.data_dir)
        assert home is not None
        with await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{self.metrics_port}/metrics") as answer:
            figures = answer.read()
        return {
            "the logs": _read([*self.stage.root.glob("*.log"), *(home / "log").iterdir()]),
            "the figures": [figures],
        }


def _read(files: Iterable[Path]) -> list[bytes]:
    found: list[bytes] = []
    for file in files:
        if file.is_file() and not file.is_symlink():
            found.append(file.read_bytes())
    return found


_PAGE, _HEAD, _HEAD_OF_A_FILE = 8192, 24, 40


def _without_page_heads(segments: Iterable[bytes]) -> bytes:
    """The log of changes as it was written: a text that goes over the end of a page has the next one's head within."""
    texts = [
        segment[at + (_HEAD if at else _HEAD_OF_A_FILE) : at + _PAGE]
        for segment in segments
        for at in range(0, len(segment), _PAGE)
    ]
    return b"".join(texts)


async def live(kept: Kept, port: int) -> None:
    """People, numbers, money and mistakes, over HTTP."""
    known = kept.stage.create_client("Canaries", "--pace", "instant", "--licence", "TOL")
    async with aiohttp.ClientSession() as http:
        wire = Wire(http, f"http://127.0.0.1:{port}", known, f"{SCOPE} tests:admin webhooks:admin")

        async def post(target: str, body: Any) -> Any:
            reply = await wire.send("POST", target, body, uuid4())
            assert 200 <= reply.status < 300, (target, reply)
            return reply.json

        await post("/tests/clock/freeze", None)  # so that what follows from a request has happened when it is answered
        address = USER["address"] | {"address_line1": STREET}
        user = await post("/users", USER | PERSON | {"address": address})
        of_user = f"/users/{user['id']}"
        for check in (KYC | {"confirmed_address": address}, FIT):
            await post(f"{of_user}/checks", check)
        number = {"type": "NATIONAL_ID", "issuing_country": "PL", "identifier": NATIONAL_ID}
        await post(f"{of_user}/identifiers", number)
        residencies = {"tax_residencies": [{"country": "DE", "tax_identifier_number": TAX_NUMBER}]}
        await post(f"{of_user}/tax_residencies", residencies)
        group = await post("/account_groups", {"user_id": user["id"], "type": "PERSONAL"})
        of_group = {"account_group_id": group["id"]}
        await post("/accounts", {"user_id": user["id"], "type": "TRADING", **of_group})
        await post("/payments/topups", {"cash_amount": "250.00", "currency": "EUR", **of_group})
        await post("/tests/payments/transactions", TRANSFER)
        wanted = {"title": "mine", "url": "https://hooks.example.com/x", "config": {"delay": "30s"}}
        hook = await post("/webhooks", wanted)
        reply = await wire.send("PATCH", f"/webhooks/{hook['id']}", {"enabled": False})  # before anything is sent
        assert reply.status == 200, reply
        await _mistakes(wire, of_user)
        assert wire.token is not None
        kept.keep("the token", wire.token)
    kept.keep("the client's secret", known.client_secret)
    kept.keep("the client's private key", _scalar(known.private_pem))
    await _own_secrets(kept, known)
    for name, value in (("the tax number", TAX_NUMBER), ("the national id", NATIONAL_ID)):
        kept.keep(name, value)
    kept.keep("the other side of a transfer", SEALED_NAME)
    for iban in IBANS:
        kept.keep(f"the account number {iban[:2]}", iban)


TRANSFER: dict[str, Any] = {
    "account": {"iban": IBANS[0]},
    "amount": "1.00",
    "currency": "EUR",
    "client_reference": "canaries",
    "remittance_information": "nothing we know",
    "counterparty_name": SEALED_NAME,
    "counterparty_account": {"iban": IBANS[1]},
}


async def _mistakes(wire: Wire, of_user: str) -> None:
    """Requests that are refused carry the same things, and refusals are logged."""
    wrong = {"type": "NATIONAL_ID", "issuing_country": "PL", "identifier": NATIONAL_ID, TAX_NUMBER: IBANS[1]}
    torn = f'{{"tax_residencies": "{TAX_NUMBER}", "last_name": "{PERSON["last_name"]}"'.encode()
    for target, body in ((f"{of_user}/identifiers", wrong), (f"{of_user}/tax_residencies", torn), ("/users", PERSON)):
        reply = await wire.send("POST", target, body, uuid4())
        assert 400 <= reply.status < 500, (target, reply)
    reply = await wire.send("GET", f"/users?email={PERSON['email']}")
    assert reply.status < 500


def _scalar(pem: bytes) -> bytes:
    """The secret number inside a private key, however the key is packed. Its first byte may be a zero."""
    key: Any = load_pem_private_key(pem, None)
    if hasattr(key, "private_bytes_raw"):
        return key.private_bytes_raw()
    return key.private_numbers().private_value.to_bytes(66, "big").lstrip(b"\0")


async def _own_secrets(kept: Kept, known: Credentials) -> None:
    """What the installation itself must keep: the master key, passwords, the key that signs webhooks."""
    address = kept.stage.address()
    master = (kept.stage.data_dir / KEY_FILE).read_text(encoding="ascii").strip()
    kept.keep("the master key", bytes.fromhex(master))
    kept.keep("the master key as text", master)
    passwords = read_passwords(address.password_file)
    for name in ("superuser", "owner", "app"):
        kept.keep(f"the password of the {name}", getattr(passwords, name))
    superuser = await asyncpg.connect(address.superuser_dsn(address.database))
    try:
        rows = await superuser.fetch("select * from signing_keys where tenant_id = $1", known.tenant_id)
    finally:
        await superuser.close()
    assert rows, "the tenant has no key that signs webhooks"
    secrets = Secrets.from_hex(master)
    for row in rows:
        place = f"signing_keys.sealed_private_key {row['tenant_id']} {row['id']}"
        private = secrets.open(row["sealed_private_key"], place)
        kept.keep("a key that signs webhooks", _scalar(private))
        kept.keep("a line of a key that signs webhooks", private.splitlines()[2])


PLANTED = Canary("planted", b"Plantedcanary0815-\xc3\xbc\\x")
"""Written down in each form on purpose; it also has what each form writes differently."""


async def shown(kept: Kept) -> list[str]:
    """What the search fails to find of what was planted for it, so that finding nothing says something."""
    address, forms = kept.stage.address(), PLANTED.forms
    superuser = await asyncpg.connect(address.superuser_dsn(address.database))
    try:
        await superuser.execute("create table planted (told text, raw bytea)")
        for form, text in forms.items():
            raw = form in ("plain", "escaped")
            told = None if raw else text.decode()
            await superuser.execute("insert into planted values ($1, $2)", told, PLANTED.value if raw else None)
        await superuser.execute("insert into planted values ($1, null)", forms["escaped"].decode())
        (kept.stage.root / "planted.log").write_bytes(b"\n".join(forms.values()))
        places = await kept.places()
        await superuser.execute("drop table planted")
    finally:
        await superuser.close()
        (kept.stage.root / "planted.log").unlink(missing_ok=True)
    found = {(hit.form, hit.place) for hit in search([PLANTED], places)}
    on_disk = ("the log of changes", "the data files")
    wanted = {(form, place) for form in forms for place in (*on_disk, "the logs")}
    wanted |= {(form, "the dump") for form in forms if form not in ("plain", "escaped")}
    told = [f"a canary planted as {form} in {place} was not found" for form, place in sorted(wanted - found)]
    # What is stored openly is where it must be: the search sees the life's own rows too.
    names = search([Canary("a name", PERSON["last_name"].encode())], places)
    seen = {hit.place for hit in names}
    return told + [f"{place} shows nothing of the life" for place in ("the dump", *on_disk) if place not in seen]


async def canaries(run: Run) -> Verdict:
    """A life over HTTP, then the search."""
    port, metrics_port = free_ports(2)
    async with staged() as stage:
        await stage.start("serve", "serve", "--port", str(port), "--metrics-port", str(metrics_port))
        kept = Kept(stage, metrics_port)
        await live(kept, port)
        findings = await shown(kept)
        places = await kept.places()
        told = {place: places[place] for place in ("the logs", "the figures")}
        assert b'"operation"' in b"".join(told["the logs"]), "no request was logged"
        assert b"openvest" in told["the figures"][0], "there are no figures"
        personal = [Canary(f"the {name}", value.encode()) for name, value in PERSON.items()]
        personal.append(Canary("the street", STREET.encode()))
        hits = [*search(kept.secrets, places), *search(personal, told)]
    findings += [f"{hit.canary} stands in {hit.place} ({hit.form})" for hit in hits]
    size = sum(len(text) for texts in places.values() for text in texts) >> 20
    forms = len(PLANTED.forms)
    figure = (
        f"{len(kept.secrets)} secrets and {len(personal)} personal facts in {forms} forms, looked for in {size} MiB"
    )
    return Verdict(f"{figure}: {len(hits)} hits", findings)


R48 = Gate("R48 secrets-at-rest", "secrets stand nowhere at rest, personal data in no log", canaries)
