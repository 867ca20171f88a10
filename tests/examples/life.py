"""A frozen tenant in which every operation of every contract is asked, and what is kept of that.

Nothing is made up: the bodies are those of the features' samples, the answers those of the program over a database.
What would differ from one run to the next (idempotency keys, random ids, the key that signs webhooks) follows from a
count; what nobody must read is not written.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl
from uuid import NAMESPACE_URL, uuid5

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from openvest.core import ids
from openvest.core.contracts import Contract
from openvest.declarations import Endpoint
from openvest.features.tenants import service as tenants
from tests.gates.matrix_fields import secrets_of
from tests.gates.matrix_ground import Floor, floor
from tests.kit.contracts import SERVED, TABLES, asked_in, contract_of, is_of, operation_of, said_of
from tests.kit.http import Api
from tests.kit.operations import begun, body_of, different_ones, removing, required_query, target
from tests.kit.sample import filled
from tests.kit.samples import SAMPLES, every

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NOT_ASKED = every(lambda sample: sample.not_asked)
"""Operations without an example, and why."""
MAKERS = every(lambda sample: sample.makers)
"""How objects are made that are in a state for it."""
UNREADABLE = {"client_secret": "the secret that is shown when the client is made", "access_token": "opaque"}
"""What stands in place of a secret."""
THAW = "/thaw"
"""What lets the clock run, and is asked last: from then on an answer says when it was given."""
FEW = "2"
"""How many items a list shows."""

Json = dict[str, Any]
Examples = dict[str, Json]
"""By operation id: `target`, `request` (None without a body), `status`, `answer` (None without one)."""


async def examples() -> Mapping[Contract, Examples]:
    """What every operation of every contract was asked and answered."""
    with _counted():
        async with floor() as stood:
            return await _lived(stood)


async def _lived(stood: Floor) -> Mapping[Contract, Examples]:
    async with stood.superuser() as owner:
        await owner.execute("update instruments set created_at = $1, updated_at = $1", MONDAY)
    database = stood.world.database
    tenant_id = await tenants.create_tenant(database, "Examples", mode="sandbox", pace="calendar", frozen_at=MONDAY)
    api, album = _counting(await stood.client(tenant_id)), Album()
    api.http.event_hooks["response"].append(album)
    for one in api.every:
        await one.fetch_token()
    life = await begun(stood.world, api, tenant_id)
    await life.rest()
    for sample in SAMPLES.values():
        if sample.lived is not None:
            await sample.lived(life)
    by_the_way, album.kept = album.kept, {contract: {} for contract in TABLES}
    asked = [one for one in SERVED if one.method != "DELETE" and not one.form and not one.path.endswith(THAW)]
    gone = [one for table in TABLES.values() for one in removing(table)]
    last = [one for one in SERVED if one.path.endswith(THAW)]
    for endpoint in (*asked, *gone, *last):
        if said_of(NOT_ASKED, endpoint) is None:
            await _ask(api.of(endpoint), endpoint, life.ids)
            if endpoint not in album and said_of(MAKERS, endpoint) is not None:
                # These objects were not in a state for it; its sample knows others that are.
                other = (await different_ones(database, tenant_id, endpoint, 1))[0]
                await api.of(endpoint).send(other.method, other.target, other.body, key="counted")
    kept = {contract: by_the_way[contract] | album.kept[contract] for contract in TABLES}
    written = json.dumps(kept)
    shown = [what for text, what in (await secrets_of(stood, api.every)).items() if text in written]
    assert not shown, f"the examples would show {shown}"
    return kept


async def _ask(api: Api, endpoint: Endpoint, ids: Mapping[str, str]) -> None:
    query = required_query(endpoint, ids)
    if any(parameter.get("name") == "limit" for parameter in operation_of(endpoint)["parameters"]):
        query["limit"] = FEW
    asked = f"?{httpx.QueryParams(query)}" if query else ""
    body = body_of(endpoint)
    content = None if body is None else filled(body, ids)
    await api.send(endpoint.method, target(endpoint, ids) + asked, content, key="counted")


@dataclass
class Album:
    """What is kept: of each operation the answer that shows most."""

    kept: dict[Contract, Examples] = field(default_factory=lambda: {contract: {} for contract in TABLES})

    def __contains__(self, endpoint: Endpoint) -> bool:
        return endpoint.operation_id in self.kept[contract_of(endpoint)]

    async def __call__(self, answer: httpx.Response) -> None:
        await answer.aread()
        endpoint = next((one for one in TABLES[asked_in(answer)] if is_of(one, answer)), None)
        if endpoint is None or answer.status_code != endpoint.status:
            return
        shown: Json = {
            "target": answer.request.url.raw_path.decode(),
            "request": _sent(answer.request),
            "status": answer.status_code,
            "answer": _readable(answer.json(), runs=endpoint.path.endswith(THAW)) if answer.content else None,
        }
        kept = self.kept[asked_in(answer)]
        before = kept.get(endpoint.operation_id)
        if before is None or len(json.dumps(before["answer"])) < len(json.dumps(shown["answer"])):
            kept[endpoint.operation_id] = shown


def _sent(request: httpx.Request) -> Any:
    content = request.content
    if not content:
        return None
    form = request.headers["content-type"].startswith("application/x-www-form-urlencoded")
    return _readable(dict(parse_qsl(content.decode())) if form else json.loads(content))


def _readable(document: Any, *, runs: bool = False) -> Any:
    """`runs`: instants are those of a clock that runs, so what is below a second differs every time."""
    if not isinstance(document, dict):
        return document
    shown = {name: UNREADABLE.get(name, value) for name, value in document.items()}
    return {**shown, "now": re.sub(r"\.\d+Z$", "Z", shown["now"])} if runs else shown


# The same every time


@dataclass
class _Counted(Api):
    """A client whose idempotency keys follow from their number."""

    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def send(self, method: str, target: str, body: Any = None, *, key: Any = None, **more: Any) -> httpx.Response:
        numbered = None if key is None else uuid5(NAMESPACE_URL, f"openvest:examples:{next(self.numbers)}")
        return await super().send(method, target, body, key=numbered, **more)


def _counting(api: Api) -> Api:
    """The same clients of a tenant, all with one count."""
    first = _Counted(**vars(api))
    first.others = {contract: _Counted(**vars(one), numbers=first.numbers) for contract, one in api.others.items()}
    return first


@contextmanager
def _counted() -> Iterator[None]:
    numbers = itertools.count(1)

    def token_bytes(size: int) -> bytes:
        return hashlib.shake_128(f"example {next(numbers)}".encode()).digest(size)

    with (
        patch("openvest.core.ids.os", SimpleNamespace(urandom=token_bytes)),
        patch("openvest.features.tenants.service.generate_p521", lambda: _p521(next(numbers))),
    ):
        ids._random.forget()  # pyright: ignore[reportPrivateUsage] - what it holds is of before
        yield
    ids._random.forget()  # pyright: ignore[reportPrivateUsage] - nor is what comes later of it


def _p521(number: int) -> tuple[bytes, bytes]:
    key = ec.derive_private_key(int.from_bytes(hashlib.shake_256(b"%d" % number).digest(60), "big"), ec.SECP521R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
