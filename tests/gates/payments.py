"""Payments, each way they can go: a life in which every status, reason, move and event is seen that the contracts list
of them, while a client and a bank ask for more than there is and say everything twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from openvest import catalog
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.events.log import LoggedEvent, events_after
from openvest.events.sequencer import number_events
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.bank import service_files
from openvest.features.bank.model import NewBankAccount
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
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.ground import ground
from tests.kit.banks import entry
from tests.kit.customers import Customer, make_customer
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled
from tests.kit.statements import OURS, stated, statement
from tests.kit.world import make_tenant
from tests.stateful.storms import below_zero

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LISTS = Path(__file__).parents[1] / "contract"
LISTED = {
    fact: why
    for line in (LISTS / "payment_moves.txt").read_text(encoding="utf-8").splitlines()
    for fact, _, why in [line.partition(" never: ")]
}
"""What the reference lists of payments, and of what cannot occur the reason."""
IN_LITE = frozenset(
    line
    for line in (LISTS / "event_types_lite.txt").read_text(encoding="utf-8").splitlines()
    if line.startswith(("DIRECT_DEBIT.", "WITHDRAWAL.", "CASH_BALANCE."))
)
RESOURCES = (
    *("topup", "credit_funding", "virtual_bank_account", "cash_balance_transfer", "withdrawal", "direct_debit"),
    *("reference_account", "mandate", "virtual_cash_increase", "virtual_cash_decrease"),
)
BALANCES = ("cash_balance: ", "cash_transaction: ")
INSTRUCTION = Query(UUID, "select id from bank_instructions where tenant_id = $1 and object_id = $2")
SUSPENSE = Query(
    Decimal, "select coalesce(sum(balance), 0) from house_balances where tenant_id = $1 and bucket = 'suspense'"
)
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


@dataclass
class Spender:
    """Somebody who spends what is collected before it is charged back; and what must be refused to anybody."""

    client: Client
    customer: Customer
    findings: list[str]

    async def ask(self, method: str, path: str, body: Json, status: int, what: str, **ids: str) -> Json:
        """A request that is answered so; anything else is a finding."""
        said = None if body is None else filled(body, {**self.customer.ids, **ids})
        answer = await self.client.api.send(method, path, said, key=uuid4())
        if answer.status_code != status:
            self.findings.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        await self.client.rest()
        return answer.json() if answer.content else None

    async def spend(self) -> Json:
        """Collect, and order the same money out twice. Returns the payout."""
        mandate = await self.ask("POST", "/payments/mandates", MANDATE, 200, "a mandate")
        collected = DEBIT | {"cash_amount": "100.00", "remittance_information": "direct-debit-charged-back"}
        ids = {"mandate_id": mandate["id"]}
        await self.ask("POST", "/payments/direct_debits", collected, 200, "a collection", **ids)
        await self.advance("P2D")
        account = await self.ask("POST", "/payments/reference_accounts", REFERENCE_ACCOUNT, 200, "an account")
        all_of_it, ids = WITHDRAWAL | {"amount": "100.00"}, {"reference_account_id": account["id"]}
        paid = await self.ask("POST", "/payments/withdrawals", all_of_it, 200, "a payout", **ids)
        await self.ask("POST", "/payments/withdrawals", all_of_it, 422, "a payout of the same money", **ids)
        await self.advance("PT6H")
        await self.ask("DELETE", f"/payments/withdrawals/{paid['id']}", None, 422, "a cancellation after the hand-over")
        return paid

    async def owe(self, paid: Json) -> None:
        """What was paid is paid; what is charged back is due, and the next credit repays it."""
        seen = await self.ask("GET", f"/payments/withdrawals/{paid['id']}", None, 200, "the payout")
        await self.figures("-103.00", f"after the charge-back, the payout is {seen['status']}")
        await self.ask("POST", "/payments/topups", TOPUP | {"cash_amount": "110.00"}, 200, "a top-up")
        await self.figures("7.00", "after the next credit")

    async def figures(self, expected: str, when: str) -> None:
        path = f"/account_groups/{self.customer.group_id}/payments/cash_balances/EUR"
        seen = await self.ask("GET", path, None, 200, "the balance")
        if [seen["balance"], seen["available_for_trading"]] != [expected] * 2:
            self.findings.append(f"{when}: {seen}")

    async def advance(self, by: str) -> None:
        await self.client.api.send("POST", "/tests/clock/advance", {"by": by})


async def _told_twice(client: Client, findings: list[str]) -> None:
    """A statement that nobody knows a line of, and a transfer to a group that is recalled, each told twice."""
    iban = (await client.send("POST", "/payments/virtual_bank_accounts", ACCOUNT))["identification"]["swift"]["iban"]
    ours = NewBankAccount("EUR", OURS.name, OURS.bic or "", OURS.iban)
    await client.write(service_files.add_account, ours)
    for _ in range(2):
        await client.write(service_files.import_file, service_files.read_file(statement(stated("R1"))))
        await client.rest()
        await client.api.send("POST", "/tests/clock/advance", {"by": "PT1H"})

    async def tell(unit: Unit) -> None:
        said = {"end_to_end_id": "twice", "account_iban": iban}
        recalled = {"kind": "DEBIT", "return_reason": "FOCR", "transaction_code": "PMNT-RCDT-RPCR"}
        for external_id in ("first", "second"):
            lines = [entry(unit, amount="30.00", external_id="transfer", **said)]
            lines.append(entry(unit, amount="30.00", external_id=external_id, **said, **recalled))
            await bank.receive(unit, lines)

    await client.write(tell)
    await client.rest()
    held = await client.world.database.read(client.customer.tenant_id, lambda unit: unit.one(SUSPENSE, unit.tenant_id))
    if held != Decimal("-20.00"):
        findings.append(f"suspense is {held} where 10.00 came and 30.00 were recalled once more")


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


async def payments(run: Run) -> Verdict:
    """One life of all of it, then what it left is held against the list and the laws."""
    findings: list[str] = []
    async with ground() as stand:
        world = stand.world
        tenant_id = await make_tenant(world.database, "Payments", pace="calendar", frozen_at=MONDAY)
        api = await make_apis(
            make_test_app(world.database, catalog.CONTRACTS, services=world), world.database, tenant_id
        )
        client = Client(world, api, await make_customer(world.database, tenant_id))
        spender = Spender(client, await make_customer(world.database, tenant_id), findings)
        async with api.http:
            for step in (_topups, _fundings, _withdrawals, _direct_debits, _transfers, _virtual_cash):
                await step(client)
            paid = await spender.spend()
            await spender.advance("P40D")
            await spender.owe(paid)
            await _told_twice(client, findings)
        await number_events(world.database, tenant_id)
        events = await world.database.read(tenant_id, lambda unit: events_after(unit, 0, 10_000))
        findings += _untold(client, events)
        findings += [f"below zero: {moment}" for moment in await below_zero(world.database, tenant_id)]
        proof = await prove_tenant(world.database, tenant_id, catalog.INVARIANTS)
        findings += [f"law broken: {finding}" for finding in proof.findings]
    reached = sum(not why for why in LISTED.values())
    return Verdict(f"{reached} listed facts of payments, {len(events)} events; {len(findings)} findings", findings)


def _untold(client: Client, events: Sequence[LoggedEvent]) -> list[str]:
    """What is listed and was not seen, and the other way round."""
    seen = client.done | {fact for fact in _moves(events) if fact.startswith((*RESOURCES, *BALANCES))}
    listed, lite = {fact for fact, why in LISTED.items() if not why}, catalog.TOLD["lite"]
    heard = {lite[event.type].name_of(event.snapshot) for event in events if event.type in lite}
    found = [f"listed, and not reached: {fact}" for fact in sorted(listed - seen)]
    found += [f"reached, and not listed: {fact}" for fact in sorted(seen - listed)]
    found += [f"lite never hears of {name}" for name in sorted(IN_LITE - heard)]
    return found if _balances_add_up(events) else [*found, "balances are not what their transactions sum to"]


GATES = (
    Gate(
        "payments",
        "payments go every way the contracts list, and no money comes or goes on it",
        payments,
        quick=True,
    ),
)
