"""Lite held to its own reference: requests made from the reference's description, answers held to its schemas.

`make lite-conformance` asks a running server (`python -m tests.conformance [CASES]`), and
`tests/contract/test_reference.py` is a slice of it. Every operation is asked for something that is there, too, so that
what a yes shows is held.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import schemathesis
import yaml
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from openvest.core.signing_keys import generate_ed25519
from openvest.features.tenants.model import SCOPES, NewClient
from tests.features.mandates.sample import LITE_MANDATE
from tests.features.portfolios.sample import PORTFOLIO
from tests.features.reference_accounts.sample import LITE_ACCOUNT
from tests.kit.contracts import TABLES
from tests.kit.generated import World
from tests.kit.http import Api
from tests.kit.operations import body_of, target
from tests.kit.people import FIT, GERMAN_TAX_NUMBER, LITE_KYC, LITE_USER
from tests.kit.sample import filled
from tests.kit.stage import ROOT, free_ports, staged

REFERENCE = ROOT.parent / "shared" / "reference" / "lite" / "openapi-1.0.0.yaml"
ABSENT = "no reference description beside the repository"
CHECKS = [not_a_server_error, response_schema_conformance]
OPERATIONS, LEAST = 51, 3_000
"""How many of the reference's operations are served, and how many cases are a campaign."""
ISIN = "IE00B3XXRP09"
PATIENCE_SECONDS = 30
Json = dict[str, Any]


def served(file: Path = REFERENCE) -> Any:
    """The reference with the operations that are served; the headers, which are the client's to make, left out."""
    known = {(one.method.lower(), _shape(one.path)) for one in TABLES["lite"]}
    description: Json = yaml.load(file.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    paths: Json = description["paths"]
    for path, item in paths.items():
        paths[path] = {
            name: part
            for name, part in item.items()
            if name not in ("get", "post", "put", "patch", "delete") or (name, _shape(path)) in known
        }
    return schemathesis.openapi.from_dict(description)


def _shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


async def live(api: Api, rest: Callable[[], Awaitable[object]]) -> dict[str, str]:
    """One object of each kind, made in lite alone. `rest` gives the server time. Returns the ids.

    Raises: AssertionError where an answer is a no; TimeoutError where the order is never filled.
    """

    async def ask(method: str, path: str, body: Any = None) -> Json:
        answer = await api.send(method, path, body)
        assert answer.status_code < 300, (method, path, answer.text)
        return dict(answer.json())

    async def wait(path: str, status: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await ask("GET", path))["status"] != status:
                await rest()

    user = (await ask("POST", "/users", LITE_USER))["id"]
    at = f"/users/{user}"
    [check, _] = [await ask("POST", f"{at}/checks", body) for body in (LITE_KYC, FIT)]
    await ask("POST", f"{at}/tax_residencies", {"country": "DE", "tax_identification_number": GERMAN_TAX_NUMBER})
    identifier = await ask("POST", f"{at}/identifiers", {"type": "NATIONAL_ID", "value": ""})
    group = (await ask("POST", "/account_groups", {"user_id": user}))["id"]
    account = (await ask("POST", "/accounts", {"user_id": user, "account_group_id": group}))["id"]
    await wait(f"/accounts/{account}", "OPEN")
    await ask("POST", "/payments/topups", {"account_group_id": group, "cash_amount": "1000.00", "currency": "EUR"})
    await ask("POST", f"/accounts/{account}/reference_accounts", LITE_ACCOUNT)
    mandate = await ask("POST", "/mandates", filled(LITE_MANDATE, {"account_group_id": group}))
    [instrument] = (await ask("GET", f"/instruments?isin={ISIN}"))["data"]
    bought = {"account_id": account, "instrument_id": instrument["id"], "side": "BUY", "type": "MARKET"}
    order = (await ask("POST", "/orders", bought | {"cash_amount": "300.00", "currency": "EUR"}))["id"]
    limited = bought | {"type": "LIMIT", "quantity": "1", "limit_price": "1.00"}
    resting = (await ask("POST", "/orders", limited))["id"]
    await wait(f"/orders/{order}", "FILLED")
    await rest()
    [position] = (await ask("GET", f"/accounts/{account}/positions"))["data"]
    of_portfolio = {"user_id": user, "account_group_id": group, "type": "PORTFOLIO"}
    [followed, to_follow] = [(await ask("POST", "/accounts", of_portfolio))["id"] for _ in range(2)]
    portfolio = await ask("POST", "/portfolios", filled(PORTFOLIO, {"lite_portfolio_account_id": followed}))
    webhook = await ask("POST", "/webhooks", {"url": "https://example.com/hook", "event_categories": ["ALL"]})
    return {
        "user_id": user,
        "check_id": check["id"],
        "identifier_id": identifier["id"],
        "account_group_id": group,
        "account_id": account,
        "instrument_id": instrument["id"],
        "order_id": order,
        "resting_order_id": resting,
        "mandate_id": mandate["id"],
        "position_id": position["id"],
        "portfolio_id": portfolio["id"],
        "lite_portfolio_account_id": to_follow,
        "webhook_id": webhook["id"],
    }


@dataclass
class Campaign:
    """What came of it."""

    world: World
    operations: int
    cases: Counter[str]

    @property
    def figure(self) -> str:
        seen = self.world.seen
        errors = sum(count for status, count in seen.items() if status >= 500)
        told = " ".join(f"{status}:{count}" for status, count in sorted(seen.items()))
        return (
            f"{self.operations} operations of the reference, {self.cases.total()} cases ({told}):"
            f" {errors} server errors, {len(self.world.failures)} violations"
        )


async def campaign(api: Api, ids: Mapping[str, str], each: int) -> Campaign:
    """So many cases of each operation, three of four of which fit the reference; those that remove come last."""
    world = World(served(), api, ids)
    every = [found.ok() for found in world.schema.get_all_operations()]
    operations = sorted(every, key=lambda one: one.method == "delete")
    cases: Counter[str] = Counter()
    for operation in operations:
        before = world.seen.total()
        await _for_what_is_there(world, operation)
        for mode, part in ((GenerationMode.POSITIVE, 0.75), (GenerationMode.NEGATIVE, 0.25)):
            await world.hold(operation, mode, max(1, round(each * part)), CHECKS)
        cases[operation.label] = world.seen.total() - before
    return Campaign(world, len(operations), cases)


async def _for_what_is_there(world: World, operation: Any) -> None:
    """The request that the samples of features have for it, which is to be answered with a yes."""
    endpoint = next(
        one
        for one in TABLES["lite"]
        if (one.method.lower(), _shape(one.path)) == (operation.method.lower(), _shape(operation.path))
    )
    if endpoint.form:
        answer = await world.api.ask_token("users:read")
    else:
        body = body_of(endpoint)
        ids = world.ids
        if endpoint.path.endswith("/cancellation"):
            ids = {**ids, "order_id": ids["resting_order_id"]}
        sent = None if body is None else json.dumps(filled(body, ids)).encode()
        answer = await world.api.send(endpoint.method, target(endpoint, ids), sent)
    await answer.aread()
    world.seen[answer.status_code] += 1
    try:
        assert answer.status_code < 300, f"{answer.status_code} {answer.text}"
        operation.validate_response(answer)
    except Exception as failure:
        world.failures.append(f"{operation.label} for what is there: {failure}")


async def at_a_running_server(each: int) -> Campaign:
    """A server of its own on an empty data directory, asked by a lite client with nothing but a token."""
    async with staged() as stage:
        [port] = free_ports(1)
        await stage.start("serve", "serve", "--port", f"{port}", "--pace", "instant")
        made = json.loads(
            stage.run(
                "client", "create", "--tenant", "sandbox", "--contract", "lite", "--scopes", "all", "--rate-limit",
                "none", "--json",
            )
        )  # fmt: skip
        client = NewClient(UUID(made["tenant_id"]), UUID(made["client_id"]), made["client_secret"])
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            api = Api(http, client, UUID(int=0), generate_ed25519()[0], [*SCOPES], contract="lite")
            ids = await live(api, lambda: asyncio.sleep(0.2))
            return await campaign(api, ids, each)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=LEAST, help="at least so many in all")
    asked = parser.parse_args()
    if not REFERENCE.exists():
        print(f"skipped: {ABSENT}")
        return 0
    found = asyncio.run(at_a_running_server(-(-asked.cases // OPERATIONS) + 10))
    print(found.figure)
    for failure in found.world.failures:
        print(f"  {failure}")
    too_few = found.operations != OPERATIONS or found.cases.total() < asked.cases
    if too_few:
        print(f"fewer than {OPERATIONS} operations, or than {asked.cases} cases")
    return 1 if found.world.failures or too_few else 0


if __name__ == "__main__":
    sys.exit(main())
