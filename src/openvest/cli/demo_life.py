"""One investment life over signed HTTP, told while it is lived. Everything it claims is checked on the way.

It talks to a server through the SDK and nothing else, sends its requests one after the other under keys that follow
from their number, and asks for no clock of its own: lived twice on two empty databases it leaves the same log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from openvest.cli.demo_bodies import (
    DEPOSIT,
    FIT,
    FUND,
    FUND_OFFER,
    KYC,
    REFERENCE_ACCOUNT,
    RESIDENCIES,
    SHARE,
    USER,
    WORLD,
)
from openvest.sdk.client import Client, Response

FROZEN_AT = "2026-03-02T09:30:00Z"
"""A Monday morning in session."""
PACKAGES = {"delay": "1s", "max_package_size": 16_000}
"""Small ones, so that there are several whose numbers must follow one another."""
PATIENCE_SECONDS = 20
_PAUSE_SECONDS = 0.01
MONEY, DEPOSITED, WITHDRAWN = Decimal("10000.00"), Decimal("500.00"), Decimal("300.00")

Json = dict[str, Any]


class Story(Protocol):
    """Who hears what happens."""

    def chapter(self, title: str) -> None: ...

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None: ...

    def expect(self, claim: str, holds: bool, seen: object = None) -> None: ...


class NotHeld(Exception):
    """A step did not come to what the next one needs; the text says which and what was answered."""


def numbered_keys(name: str) -> Callable[[], str]:
    """Idempotency keys that follow from their number."""
    count = 0

    def next_key() -> str:
        nonlocal count
        count += 1
        return str(uuid5(NAMESPACE_URL, f"openvest:{name}:{count}"))

    return next_key


@dataclass(slots=True)
class Life:
    """The customer's side of it all. `orders` are the ids by what they are called in the story."""

    client: Client
    story: Story
    webhook_url: str
    user_id: str = ""
    group_id: str = ""
    account_id: str = ""
    orders: dict[str, str] = field(default_factory=dict[str, str])

    def live(self) -> None:
        """All of it. Raises: NotHeld, Unreachable."""
        self.arrive()
        self.onboard()
        self.open_account()
        self.trade()
        self.settle()
        self.withdraw()
        self.look_back()

    def arrive(self) -> None:
        """Token and subscription."""
        self.story.chapter("A client arrives")
        token = self.client.fetch_token()
        scopes = len(str(token.json().get("scope", "")).split())
        self.story.expect(f"a signed request buys a token for {scopes} scopes", token.status == 200, token.status)
        clock = self._get("/tests/clock")
        self.story.expect("the clock stands still on a Monday morning", clock["mode"] == "frozen", clock)
        body = {"title": "demo", "url": self.webhook_url, "type": ["ALL"], "config": PACKAGES}
        webhook = self._send("POST", "/webhooks", body)
        shown = self._send("PATCH", f"/webhooks/{webhook['id']}", {"enabled": True})
        self.story.expect("every event from now on goes to a webhook", shown["enabled"] is True)

    def onboard(self) -> None:
        """A user, everything that must be known of them, and what follows from it."""
        self.story.chapter("A customer is onboarded")
        user = self._send("POST", "/users", USER)
        self.user_id = path = str(user["id"])
        self.story.expect("a new user is INACTIVE", user["status"] == "INACTIVE", user["status"])
        for body in (KYC, FIT):
            self._send("POST", f"/users/{path}/checks", body)
        number = {"type": "NATIONAL_ID", "issuing_country": "DE", "identifier": ""}
        identifier = self._send("POST", f"/users/{path}/identifiers", number)
        self._send("POST", f"/users/{path}/tax_residencies", RESIDENCIES)
        user = self._until(f"/users/{path}", lambda seen: seen["status"] == "ACTIVE", "the user becomes ACTIVE")
        checks = self._get(f"/users/{path}/checks")["data"]
        name = f"{user['first_name']} {user['last_name']}"
        rows = [(f"check {check['type']}", check["status"]) for check in checks]
        rows.append((f"identifier {identifier['identifier_standard']}", identifier["issuing_country"]))
        rows.append(("tax residency", RESIDENCIES["tax_residencies"][0]["country"]))
        self.story.table((name, ""), [*rows, ("user", user["status"])])
        passed = all(check["status"] == "PASSED" for check in checks)
        self.story.expect(f"all {len(checks)} checks passed, and the user is ACTIVE", passed)

    def open_account(self) -> None:
        """Group, account, money."""
        self.story.chapter("An account, and money")
        group = self._send("POST", "/account_groups", {"user_id": self.user_id, "type": "PERSONAL"})
        self.group_id = str(group["id"])
        body = {"user_id": self.user_id, "account_group_id": self.group_id, "type": "TRADING", "name": "Demo"}
        self.account_id = str(self._send("POST", "/accounts", body)["id"])
        path = f"/accounts/{self.account_id}"
        self._until(path, lambda seen: seen["status"] == "ACTIVE", "the account becomes ACTIVE")
        self.story.expect("the account is ACTIVE, since its owner and its group are", True)
        money = {"account_group_id": self.group_id, "cash_amount": str(MONEY), "currency": "EUR"}
        topup = self._send("POST", "/payments/topups", money)
        self.story.expect("a top-up is credited at once", topup["status"] == "CONFIRMED", topup["status"])
        self._cash_is("10,000.00 EUR can be traded", available_for_trading=MONEY, balance=MONEY)
        self._deposit()

    def _deposit(self) -> None:
        """A transfer to an IBAN of the customer's own."""
        body = {"account_group_id": self.group_id, "name": "Demo"}
        own = self._send("POST", "/payments/virtual_bank_accounts", body)
        iban = own["identification"]["swift"]["iban"]
        self._send("POST", "/tests/payments/transactions", {**DEPOSIT, "account": {"iban": iban}})
        path = f"/account_groups/{self.group_id}/payments/credit_fundings"
        [funding] = self._until(path, lambda seen: bool(seen["data"]), "the transfer is booked")["data"]
        credited = (funding["virtual_bank_account_id"], funding["status"]) == (own["id"], "CONFIRMED")
        self.story.expect(f"a transfer to her own IBAN {iban} is credited", credited, funding)
        self._cash_is("then 10,500.00 EUR can be traded", available_for_trading=MONEY + DEPOSITED)

    def trade(self) -> None:
        """Every kind of order there is."""
        self.story.chapter("Orders in session")
        self._order("MARKET by cash", WORLD, "BUY", order_type="MARKET", cash_amount="250.00")
        self._order("LIMIT", FUND, "BUY", order_type="LIMIT", quantity="10", limit_price="116.00")
        self._order("STOP", FUND, "BUY", order_type="STOP", quantity="2", stop_price="115.00")
        self._order("SELL", FUND, "SELL", order_type="MARKET", quantity="3")
        for name in ("MARKET by cash", "LIMIT", "STOP", "SELL"):
            self._until_order(name, "FILLED")
        limit = self._until_order("LIMIT", "FILLED")
        price = Decimal(limit["executions"][0]["price"])
        self.story.expect("a limit of 116.00 buys at the offer", price == FUND_OFFER, price)
        self._rest_and_cancel()
        self._order("without money", WORLD, "BUY", order_type="MARKET", cash_amount="50000.00")
        poor = self._until_order("without money", "CANCELLED")
        reason = poor.get("cancellation_reason")
        claim = "an order without money is accepted, then cancelled by the platform"
        self.story.expect(claim, reason == "CANCELLED_BY_UPVEST_PLATFORM", reason)
        laid = {"name": "order_several_executions", "on": {"account_id": self.account_id}}
        self._send("POST", "/tests/scenarios", laid)
        self._order("in parts", SHARE, "BUY", order_type="MARKET", quantity="7")
        self._show_orders()

    def _rest_and_cancel(self) -> None:
        free = self._cash()["available_for_trading"]
        self._order("cancelled", FUND, "BUY", order_type="LIMIT", quantity="3", limit_price="90.00")
        self._until_order("cancelled", "PROCESSING")
        cash = self._cash()
        locked = Decimal(cash["locked_for_trading"])
        self.story.expect(
            "an order that rests locks its 270.00 EUR and the buffer", locked == Decimal("300.00"), locked
        )
        self._send("DELETE", f"/orders/{self.orders['cancelled']}")
        self._until_order("cancelled", "CANCELLED")
        self.story.expect("its cancellation returns it to the cent", self._cash()["available_for_trading"] == free)

    def settle(self) -> None:
        """Time passes: the rest of the parts, then settlement."""
        self.story.chapter("The clock goes on to settlement")
        self._advance("PT2H")
        parts = self._until_order("in parts", "FILLED")["executions"]
        rows = [
            (part["share_quantity"], part["price"], part["cash_amount"], part["transaction_time"]) for part in parts
        ]
        self.story.table(("shares", "price", "EUR", "executed"), rows, numbers=("shares", "price", "EUR"))
        bought = sum(Decimal(part["share_quantity"]) for part in parts)
        self.story.expect(f"{len(parts)} executions make 7 shares", len(parts) > 1 and bought == 7, bought)
        cash = self._cash()
        self.story.expect("what was sold is pending", Decimal(cash["pending_settlement"]) > 0, cash)
        now = self._advance("P4D")
        states = {e["status"] for name in self.orders for e in self._order_now(name)["executions"]}
        self.story.expect(f"by {now} every execution has settled", states == {"SETTLED"}, states)

    def withdraw(self) -> None:
        """Money leaves: it is set apart, handed to the bank at its cut-off, and paid on the next bank day."""
        self.story.chapter("Money leaves")
        paid_to = self._send("POST", "/payments/reference_accounts", {**REFERENCE_ACCOUNT, "user_id": self.user_id})
        free = Decimal(self._cash()["available_for_withdrawal"])
        body = {"reference_account_id": paid_to["id"], "account_group_id": self.group_id, "amount": "300.00"}
        made = self._send("POST", "/payments/withdrawals", {**body, "currency": "EUR"})
        self._cash_is("300.00 EUR on their way out are set apart", available_for_withdrawal=free - WITHDRAWN)
        path, seen = f"/payments/withdrawals/{made['id']}", [made["status"]]
        for by in ("PT3H", "P3D"):
            now = self._advance(by)
            seen.append(self._get(path)["status"])
        self.story.expect(f"by {now} the bank has paid them", seen == ["NEW", "PROCESSING", "CONFIRMED"], seen)

    def look_back(self) -> None:
        """What the customer has, and whether it all adds up."""
        self.story.chapter("What the customer has")
        positions = self._get(f"/accounts/{self.account_id}/positions")["data"]
        owned = {position["instrument"]["isin"]: Decimal(position["quantity"]) for position in positions}
        rows = [(one["instrument"]["isin"], one["quantity"], one["settled_quantity"]) for one in positions]
        self.story.table(("instrument", "quantity", "settled"), rows, numbers=("quantity", "settled"))
        self.story.expect("positions are what was executed", owned == self._executed(), owned)
        cash = self._cash()
        names = ("balance", "locked_for_trading", "pending_settlement", "available_for_withdrawal")
        rows = [(name, cash[name]) for name in (*names, "available_for_trading")]
        self.story.table(("cash", "EUR"), rows, numbers=("EUR",))
        moved = self._all(f"/transactions/cash?account_group_id={self.group_id}")
        total = sum((Decimal(one["delta"]["amount"]) for one in moved), Decimal(0))
        claim = f"{len(moved)} cash transactions sum to the balance"
        self.story.expect(claim, total == Decimal(cash["balance"]), total)
        free = cash["available_for_withdrawal"] == cash["balance"] == cash["available_for_trading"]
        self.story.expect("nothing is locked or pending any more", free, cash)
        units = self._all(f"/transactions/securities?account_id={self.account_id}")
        sums: dict[str, Decimal] = {}
        for one in units:
            isin = one["instrument"]["isin"]
            sums[isin] = sums.get(isin, Decimal(0)) + Decimal(one["delta"]["amount"])
        self.story.expect(f"{len(units)} securities transactions sum to the positions", sums == owned, sums)

    # Steps

    def _order(self, name: str, isin: str, side: str, **fields: str) -> None:
        body = {
            "user_id": self.user_id,
            "account_id": self.account_id,
            "instrument_id": isin,
            "instrument_id_type": "ISIN",
            "side": side,
            "currency": "EUR",
            "client_reference": f"demo {name}",
            **fields,
        }
        self.orders[name] = str(self._send("POST", "/orders", body)["id"])

    def _order_now(self, name: str) -> Json:
        return self._get(f"/orders/{self.orders[name]}")

    def _until_order(self, name: str, status: str) -> Json:
        path = f"/orders/{self.orders[name]}"
        return self._until(path, lambda seen: seen["status"] == status, f"the order {name} becomes {status}")

    def _show_orders(self) -> None:
        rows: list[tuple[str, ...]] = []
        for name in self.orders:
            order = self._order_now(name)
            paid = sum((Decimal(e["cash_amount"]) for e in order["executions"]), Decimal(0))
            prices = " ".join(e["price"] for e in order["executions"])
            why = order.get("cancellation_reason", "").removeprefix("CANCELLED_").replace("_", " ").lower()
            status = f"{order['status']} {why}".strip()
            rows.append((name, order["side"], order["quantity"], prices, f"{paid:.2f}", status))
        columns = ("order", "side", "quantity", "price", "EUR", "status")
        self.story.table(columns, rows, numbers=("quantity", "price", "EUR"))

    def _executed(self) -> dict[str, Decimal]:
        """Units by instrument as the executions have them."""
        units: dict[str, Decimal] = {}
        for name in self.orders:
            order = self._order_now(name)
            for part in order["executions"]:
                sign = 1 if part["side"] == "BUY" else -1
                isin = order["instrument_id"]
                units[isin] = units.get(isin, Decimal(0)) + sign * Decimal(part["share_quantity"])
        return units

    def _cash(self) -> Json:
        return self._get(f"/account_groups/{self.group_id}/payments/cash_balances/EUR")

    def _cash_is(self, claim: str, **amounts: Decimal) -> None:
        cash = self._cash()
        self.story.expect(claim, all(Decimal(cash[name]) == amount for name, amount in amounts.items()), cash)

    def _advance(self, by: str) -> str:
        """Move the clock, however long it takes. Returns where it stands."""
        shown = self._send("POST", "/tests/clock/advance", {"by": by})
        while not shown["done"]:
            time.sleep(_PAUSE_SECONDS)
            shown = self._get("/tests/clock")
        return str(shown["now"])

    def _all(self, target: str) -> list[Json]:
        """All pages of a list."""
        found: list[Json] = []
        while True:
            page = self._get(f"{target}&limit=100&offset={len(found)}")
            found += page["data"]
            if len(found) >= page["meta"]["total_count"]:
                return found

    def _until(self, target: str, arrived: Callable[[Json], bool], what: str) -> Json:
        """Read until it is so. Raises: NotHeld."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            seen = self._get(target)
            if arrived(seen):
                return seen
            if time.monotonic() > deadline:
                raise NotHeld(f"{what} within {PATIENCE_SECONDS} s; it is {seen}")
            time.sleep(_PAUSE_SECONDS)

    def _get(self, target: str) -> Any:
        return self._send("GET", target)

    def _send(self, method: str, target: str, body: Any = None) -> Any:
        """A request that must succeed. Raises: NotHeld, Unreachable."""
        answer: Response = self.client.request(method, target, body)
        if not answer.ok:
            raise NotHeld(f"{method} {target} was answered {answer.status}: {answer.body.decode(errors='replace')}")
        return answer.json()
