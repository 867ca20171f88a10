"""Every status, reason, move and event of payments that the contracts list is one that a client comes to see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from openvest import catalog
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.events.log import LoggedEvent, events_after
from openvest.events.sequencer import number_events
from openvest.features.accounts import service as accounts
from openvest.features.bank.sweeps import reject_instruction
from openvest.features.virtual_cash import service as virtual_cash
from openvest.features.virtual_cash.model import NewVirtualCash
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.features.bank.sample import WIRE
from tests.features.cash_transfers.sample import TRANSFER, two_groups
from tests.features.direct_debits.sample import DEBIT
from tests.features.fundings.sample import ACCOUNT
from tests.features.mandates.sample import MANDATE
from tests.features.payments.sample import TOPUP
from tests.features.reference_accounts.sample import ACCOUNT as REFERENCE_ACCOUNT
from tests.features.virtual_cash.sample import CHANGE
from tests.features.withdrawals.sample import WITHDRAWAL
from tests.kit.customers import Customer, make_customer
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled
from tests.kit.stage import ROOT
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HERE = Path(__file__).parent
LISTED = {
    fact: why
    for line in (HERE / "payment_moves.txt").read_text(encoding="utf-8").splitlines()
    for fact, _, why in [line.partition(" never: ")]
}
"""What the reference lists of payments, and of what cannot occur the reason."""
IN_LITE = frozenset(
    line
    for line in (HERE / "event_types_lite.txt").read_text(encoding="utf-8").split("\n")
    if line.startswith(("DIRECT_DEBIT.", "WITHDRAWAL.", "CASH_BALANCE."))
)
MACHINE = ROOT.parent / "shared" / "reference" / "v1" / "machine"
RESOURCES = (
    *("topup", "credit_funding", "virtual_bank_account", "cash_balance_transfer", "withdrawal", "direct_debit"),
    *("reference_account", "mandate", "virtual_cash_increase", "virtual_cash_decrease"),
)
BALANCES = ("cash_balance: ", "cash_transaction: ")
INSTRUCTION = Query(UUID, "select id from bank_instructions where tenant_id = $1 and object_id = $2")
Json = Any


@dataclass
class Client:
    """A client of v1 and a customer of it; `done` are the operations that no event tells of."""

    world: Assembled
    api: Api
    customer: Customer
    done: set[str] = field(default_factory=set[str])

    async def send(self, method: str, path: str, body: Json = None, **ids: str) -> Json:
        """A request that succeeds, and all that is due by then."""
        said = None if body is None else filled(body, {**self.customer.ids, **ids})
        answer = await (self.api.send(method, path) if method == "DELETE" else self.api.post(path, said))
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        await self.rest()
        return answer.json() if answer.content else None

    async def rest(self) -> None:
        await self.world.runner.drain(self.customer.tenant_id)

    async def write(self, work: Any, *args: Any) -> Any:
        return await self.world.database.write(self.customer.tenant_id, lambda unit: work(unit, *args))

    async def wire(self, iban: str, text: str, amount: str) -> None:
        said = {"account": {"iban": iban}, "remittance_information": text, "amount": amount}
        await self.send("POST", "/tests/payments/transactions", WIRE | said)

    async def refuse(self, object_id: str) -> None:
        """What an operator does to an instruction that cannot be sent."""
        found = await self.write(lambda unit: unit.one(INSTRUCTION, unit.tenant_id, UUID(object_id)))
        await self.write(reject_instruction, found)
        await self.rest()


async def _topups(client: Client) -> None:
    settled, cancelled = [
        await client.send("POST", "/payments/topups", TOPUP | {"cash_amount": amount}) for amount in ("900.00", "50.00")
    ]
    await client.wire(WIRE["account"]["iban"], f"topup {settled['settlement_reference']}", "900.00")
    await client.send("DELETE", f"/payments/topups/{cancelled['id']}")


async def _fundings(client: Client) -> None:
    account = await client.send("POST", "/payments/virtual_bank_accounts", ACCOUNT)
    for text in ("salary", "credit-funding-recalled"):
        await client.wire(account["identification"]["swift"]["iban"], text, "70.00")


async def _withdrawals(client: Client) -> None:
    account = await client.send("POST", "/payments/reference_accounts", REFERENCE_ACCOUNT)
    client.done.add("reference_account: create_reference_account")
    texts = ("", "payout-rejected", "payout-rejected-other", "payout-returned", "cancelled", "refused")
    made = [
        await client.send(
            "POST",
            "/payments/withdrawals",
            WITHDRAWAL | {"remittance_information": text},
            reference_account_id=account["id"],
        )
        for text in texts
    ]
    *_, cancelled, refused = made
    await client.send("DELETE", f"/payments/withdrawals/{cancelled['id']}")
    await client.refuse(refused["id"])
    await client.send("DELETE", f"/payments/reference_accounts/{account['id']}")
    client.done.add("reference_account: delete_reference_account")


async def _direct_debits(client: Client) -> None:
    mandate, revoked = [await client.send("POST", "/payments/mandates", MANDATE) for _ in range(2)]
    client.done.add("mandate: create_mandate")
    texts = ("", "direct-debit-rejected", "direct-debit-rejected-other", "direct-debit-charged-back", "refused")
    made = [
        await client.send(
            "POST", "/payments/direct_debits", DEBIT | {"remittance_information": text}, mandate_id=mandate["id"]
        )
        for text in texts
    ]
    await client.refuse(made[-1]["id"])
    await client.send("POST", "/payments/direct_debits", DEBIT, mandate_id=revoked["id"])
    await client.send("DELETE", f"/payments/mandates/{revoked['id']}")
    client.done.add("mandate: delete_mandate")


async def _transfers(client: Client) -> None:
    saver, target_id = await two_groups(client.world.database, client.customer.tenant_id, "100.00")
    ids = {"closing_group_id": str(saver.group_id), "account_group_id": str(target_id)}
    _, cancelled = [await client.send("POST", "/payments/cash_balance_transfers", TRANSFER, **ids) for _ in range(2)]
    await client.send("DELETE", f"/payments/cash_balance_transfers/{cancelled['id']}")


async def _virtual_cash(client: Client) -> None:
    """What is ISSUED is decided before the next write, so what ends it before that is done in one with it."""
    up, down = "/virtual_cash_balances/increases", "/virtual_cash_balances/decreases"
    _, waiting = [await client.send("POST", down, CHANGE | {"amount": amount}) for amount in ("5.00", "99.00")]
    await client.send("POST", up, CHANGE | {"amount": "6.00"})
    await client.send("POST", down, CHANGE)
    await client.send("DELETE", f"{down}/{waiting['id']}")
    group_id = client.customer.group_id

    async def ended_at_once(unit: Unit) -> None:
        new = NewVirtualCash(group_id, Decimal("1.00"), "USD")
        await virtual_cash.cancel_decrease(unit, (await virtual_cash.create_decrease(unit, new)).id)
        await virtual_cash.create_increase(unit, new)
        await accounts.lock_account_group(unit, group_id)

    await client.write(ended_at_once)
    await client.write(accounts.unlock_account_group, group_id)


def _moves(events: Sequence[LoggedEvent]) -> Iterator[str]:
    """What v1 tells of these events, as it is listed."""
    before: defaultdict[UUID, str] = defaultdict(lambda: "-")
    for event in events:
        telling = catalog.TOLD["v1"].get(event.type)
        resource = event.type.partition(".")[0].lower()
        if telling is None:
            continue
        shown = telling.shown.mapper(event.snapshot)
        if resource == "cash_transaction":
            yield f"{resource}: {shown['type']}"
        elif "status" in shown:
            status, name = shown["status"], telling.name_of(event.snapshot)
            yield f"{resource}: {before[event.object_id]} > {status} {name}"
            before[event.object_id] = status
            if "cancellation_reason" in shown and resource != "cash_balance_transfer":  # which has a free text
                yield f"{resource}: cancellation_reason {shown['cancellation_reason']}"
        else:
            yield f"{resource}: {event.type}"


def _balances_add_up(events: Sequence[LoggedEvent]) -> bool:
    """Whether the last that was told of each balance is what its transactions sum to."""
    summed: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    told: dict[tuple[str, str], Decimal] = {}
    for event in events:
        shown = event.snapshot
        if event.type == "CASH_TRANSACTION.EXECUTED":
            summed[shown["account_group_id"], shown["delta"]["currency"]] += Decimal(shown["delta"]["amount"])
        elif event.type == "CASH_BALANCE.UPDATED":
            told[shown["account_group_id"], shown["currency"]] = Decimal(shown["balance"])
    return told == summed and len(told) > 2


async def test_every_fact_of_payments_that_is_listed_is_reached_or_cannot_occur(assembled: Assembled) -> None:
    tenant_id = await make_tenant(assembled.database, "Payments", pace="calendar", frozen_at=MONDAY)
    api = await make_apis(
        make_test_app(assembled.database, catalog.CONTRACTS, services=assembled), assembled.database, tenant_id
    )
    client = Client(assembled, api, await make_customer(assembled.database, tenant_id))
    async with api.http:
        for step in (_topups, _fundings, _withdrawals, _direct_debits, _transfers, _virtual_cash):
            await step(client)
        await client.api.send("POST", "/tests/clock/advance", {"by": "P40D"})

    await number_events(assembled.database, tenant_id)

    async def log(unit: Unit) -> list[LoggedEvent]:
        return await events_after(unit, 0, 10_000)

    events = await assembled.database.read(tenant_id, log)
    seen = client.done | {fact for fact in _moves(events) if fact.startswith((*RESOURCES, *BALANCES))}
    assert seen == {fact for fact, why in LISTED.items() if not why}
    lite = catalog.TOLD["lite"]
    assert IN_LITE - {lite[event.type].name_of(event.snapshot) for event in events if event.type in lite} == set()
    assert _balances_add_up(events)
    proof = await prove_tenant(assembled.database, tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings


def test_the_list_is_that_of_the_reference() -> None:
    if not MACHINE.exists():
        pytest.skip("no reference beside the repository")
    states = yaml.safe_load((MACHINE / "states.yaml").read_text(encoding="utf-8"))["resources"]
    expected = [fact for resource in RESOURCES for fact in _expected(resource, states[resource])]
    assert [fact for fact in LISTED if not fact.startswith(BALANCES)] == expected
    families = yaml.safe_load((MACHINE / "events.yaml").read_text(encoding="utf-8"))["families"]
    of_payments = {name for resource in RESOURCES for name in families.get(resource.upper(), {"types": {}})["types"]}
    assert of_payments <= {fact.rpartition(" ")[2] for fact in LISTED}
    booked = {fact.rpartition(" ")[2] for fact in LISTED if fact.startswith("cash_transaction")}
    assert booked <= {*states["cash_transaction"]["made_by_platform"]["type"]}


def _expected(resource: str, states: Json) -> Iterator[str]:
    for move in states["moves"]:
        if states["status"]:
            yield f"{resource}: {move['from'] or '-'} > {move['to']} {move['event']}"
        else:
            yield f"{resource}: {move['event'] if 'event' in move else move['by'][0]}"
    for name, reasons in states.get("reasons", {}).items():
        if isinstance(reasons, dict):
            yield from (f"{resource}: {name.partition('.')[2]} {reason}" for reason in reasons)
