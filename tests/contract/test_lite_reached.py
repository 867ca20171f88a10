"""Every value that lite lists is one that a client comes to see, by doing what lite lets it do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.main import Assembled
from tests.kit.contracts import described
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.orders import X
from tests.kit.people import FIT, GERMAN_TAX_NUMBER, LITE_KYC, LITE_USER
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
Json = Any
LATER: Mapping[str, frozenset[str]] = {
    # corporate actions
    "Transaction.type": frozenset({"DIVIDEND"}),
    # corrections of trades
    "Execution.status": frozenset({"CANCELLED"}),
    # Seen by the event ORDER_CANCELLATION.REJECTED alone: no operation reads a request to cancel again.
    "OrderCancellation.status": frozenset({"REJECTED"}),
}
"""What the features to come bring, by the place where it is shown. Whoever reaches one takes it out of here."""
PLACES = frozenset(
    {
        "AccessToken.token_type", "Account.status", "DirectDebit.status", "Execution.status", "Instrument.type",
        "Mandate.status", "Order.side", "Order.status", "Order.type", "OrderCancellation.status",
        "ReferenceAccount.status", "Transaction.type", "User.status", "UserCheck.status",
        "WebhookSubscription.event_categories", "WebhookSubscription.status", "Withdrawal.status",
    }
)  # fmt: skip
"""Every place of an answer for which the reference lists values."""


def _listed(place: str) -> frozenset[str]:
    """What the description lists there."""
    component, name = place.split(".")
    shown = described("lite")["components"]["schemas"][component]["properties"][name]
    return frozenset(_words(shown))


def _words(schema: Json) -> list[str]:
    """The values of a field, an item or one of several forms."""
    parts = [schema.get("items", {}), *schema.get("anyOf", [])]
    own = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return [*own, *(word for part in parts if part for word in _words(part))]


def _values(schema: Json, value: Json, name: str = "") -> Iterator[tuple[str, str]]:
    """Each place of an answer that lists values, and the value it has."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = described("lite")["components"]["schemas"][name]
    if isinstance(value, list):
        for one in value:
            yield from _values(schema.get("items", {}), one, name)
    elif isinstance(value, dict):
        for key, part in schema.get("properties", {}).items():
            place = f"{name}.{key}"
            if place in PLACES and key in value:
                yield from ((place, one) for one in (value[key] if isinstance(value[key], list) else [value[key]]))
            elif key in value:
                yield from _values(part, value[key])


@dataclass
class Client:
    """A client of lite that notes each value it is shown."""

    assembled: Assembled
    v1: Api
    tenant: UUID
    seen: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    async def send(self, method: str, path: str, body: Json = None, /, **ids: str) -> Json:
        """A request that succeeds, and all that is due by then."""
        answer = await self.v1.speaking("lite").send(method, path.format(**ids), body)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        shown = answer.json() if answer.content else None
        self.note(method, path.partition("?")[0], answer.status_code, shown)
        await self.assembled.runner.drain(self.tenant)
        return shown

    def note(self, method: str, path: str, status: int, shown: Json) -> None:
        """What this answer shows."""
        responses = described("lite")["paths"][path][method.lower()]["responses"]
        schema = responses[str(status)].get("content", {}).get("application/json", {}).get("schema", {})
        for place, value in _values(schema, shown):
            self.seen.setdefault(place, set()).add(value)

    async def user(self, name: str, *checks: Json) -> str:
        user = await self.send("POST", "/users", LITE_USER | {"email": f"{name}@example.org"})
        at = {"user_id": user["id"]}
        for check in checks:
            await self.send("POST", "/users/{user_id}/checks", check, **at)
        residency = {"country": "DE", "tax_identification_number": GERMAN_TAX_NUMBER}
        await self.send("POST", "/users/{user_id}/tax_residencies", residency, **at)
        return str(user["id"])

    async def group(self, user_id: str) -> str:
        return str((await self.send("POST", "/account_groups", {"user_id": user_id}))["id"])

    async def account(self, user_id: str, group_id: str) -> str:
        account = await self.send("POST", "/accounts", {"user_id": user_id, "account_group_id": group_id})
        return str(account["id"])

    async def order(self, account_id: str, side: str, kind: str, **amounts: str) -> str:
        body = {"account_id": account_id, "instrument_id": X, "side": side, "type": kind, **amounts}
        order = await self.send("POST", "/orders", body)
        await self.send("GET", "/orders/{order_id}", order_id=order["id"])
        return str(order["id"])


async def _people(client: Client) -> str:
    """Users of every state. Returns the one who can trade."""
    trader = await client.user("trader", LITE_KYC, FIT)
    blocked = await client.user("blocked", LITE_KYC, FIT)
    fails = {"name": "check_fails", "on": {"user_id": blocked}}
    await client.send("POST", "/tests/scenarios", fails)
    await client.send("POST", "/users/{user_id}/checks", LITE_KYC, user_id=blocked)
    waits = {"name": "check_pending", "on": {"user_id": blocked}}
    await client.send("POST", "/tests/scenarios", waits)
    await client.send("POST", "/users/{user_id}/checks", FIT, user_id=blocked)
    await client.send("GET", "/users/{user_id}/checks", user_id=blocked)
    gone = await client.user("gone")
    # Lite has no operation that ends the relation to a user.
    left = await client.v1.send("DELETE", f"/users/{gone}", key=uuid4())
    assert left.status_code in (202, 204), left.text
    await client.assembled.runner.drain(client.tenant)
    await client.send("GET", "/users")
    return trader


async def _trades(client: Client, trader: str) -> None:
    """Orders of every state, and accounts of every state: one is closed while it holds something."""
    group = await client.group(trader)
    account, empty = await client.account(trader, group), await client.account(trader, group)
    topup = {"account_group_id": group, "cash_amount": "1000.00", "currency": "EUR"}
    await client.send("POST", "/payments/topups", topup)
    bought = await client.order(account, "BUY", "MARKET", cash_amount="300.00")
    await client.send("GET", "/orders/{order_id}/executions", order_id=bought)
    resting = await client.order(account, "BUY", "LIMIT", quantity="1", limit_price="1.00")
    await client.order(account, "BUY", "STOP", quantity="1", stop_price="900.00")
    await client.order(account, "BUY", "MARKET", cash_amount="5000.00")
    await client.send("POST", "/orders/{order_id}/cancellation", order_id=resting)
    await client.send("POST", "/tests/clock/advance", {"by": "P5D"})
    await client.send("GET", "/orders/{order_id}/executions", order_id=bought)
    await client.order(account, "SELL", "MARKET", quantity="1")
    await client.send("GET", "/orders?limit=100")
    await client.send("GET", "/accounts/{account_id}/transactions", account_id=account)
    for one in (empty, account):
        await client.send("DELETE", "/accounts/{account_id}", account_id=one)
    pending = await client.user("pending")
    waits = await client.order(
        await client.account(pending, await client.group(pending)), "BUY", "MARKET", quantity="1"
    )
    await client.send("POST", "/orders/{order_id}/cancellation", order_id=waits)
    await client.send("GET", "/accounts")


async def _payments(client: Client) -> None:
    """Collections and payouts of every state."""
    payer = await client.user("payer", LITE_KYC, FIT)
    group = await client.group(payer)
    account = await client.account(payer, group)
    topup = {"account_group_id": group, "cash_amount": "100.00", "currency": "EUR"}
    await client.send("POST", "/payments/topups", topup)
    paid_to = {"iban": "DE02100100109307118603", "bic": "PBNKDEFF", "account_holder": "Greta Anna Lindner"}
    refused = await client.send("POST", "/accounts/{account_id}/reference_accounts", paid_to, account_id=account)
    given = {"account_group_id": group, "iban": "DE02120300000000202051", "bic": "BYLADEM1001"}
    mandate = await client.send("POST", "/mandates", given)
    debit = {"user_id": payer, "account_group_id": group, "mandate_id": mandate["id"], "currency": "EUR"}
    for text in ("", "direct-debit-rejected", "direct-debit-returned"):
        await client.send("POST", "/direct_debits", debit | {"cash_amount": "5.00", "remittance_information": text})
    payouts = [
        await client.send("POST", "/withdrawals", {"account_id": account, "cash_amount": "2.00", "currency": "EUR"})
        for _ in range(2)
    ]
    rejected = {"name": "payout_rejected", "on": {"client_reference": payouts[0]["id"]}}
    await client.send("POST", "/tests/scenarios", rejected)
    for by in ("P2DT8H", "P5D"):  # it is a Saturday
        await client.send("POST", "/tests/clock/advance", {"by": by})
        for path in ("/direct_debits", "/withdrawals"):
            await client.send("GET", path)
    at = {"account_id": account, "reference_account_id": refused["id"]}
    await client.send("DELETE", "/accounts/{account_id}/reference_accounts/{reference_account_id}", **at)
    await client.send("GET", "/accounts/{account_id}/reference_accounts", account_id=account)
    await client.send("DELETE", "/mandates/{mandate_id}", mandate_id=mandate["id"])
    await client.send("GET", "/mandates/{mandate_id}", mandate_id=mandate["id"])
    await client.send("GET", "/accounts/{account_id}/transactions", account_id=account)


async def _subscriptions(client: Client) -> None:
    for category in sorted(_listed("WebhookSubscription.event_categories")):
        new = {"url": "https://hooks.example.org/lite", "event_categories": [category]}
        made = await client.send("POST", "/webhooks", new)
        await client.send("PATCH", "/webhooks/{webhook_id}", {"status": "INACTIVE"}, webhook_id=made["id"])


async def test_every_value_that_lite_lists_is_reached_or_comes_with_a_feature(assembled: Assembled) -> None:
    tenant = await make_tenant(assembled.database, "Reached", pace="calendar", frozen_at=MONDAY)
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    v1 = await make_apis(app, assembled.database, tenant)
    client = Client(assembled, v1, tenant)
    client.note("POST", "/auth/token", 200, (await v1.speaking("lite").ask_token("users:read")).json())
    trader = await _people(client)
    await _trades(client, trader)
    await _payments(client)
    await _subscriptions(client)
    for kind in sorted(_listed("Instrument.type")):
        await client.send("GET", f"/instruments?type={kind}&limit=1")
    await v1.http.aclose()
    missing = {place: _listed(place) - client.seen.get(place, set()) for place in sorted(PLACES)}
    assert {place: values for place, values in missing.items() if values} == LATER
