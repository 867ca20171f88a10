"""Random payments of many groups, with returns, recalls and charge-backs, told by files in any order, twice and late;
and a storm of withdrawals. `make payments`: a plain sum in memory says what must come out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import UUID

from openvest import catalog
from openvest.core.banking import Party
from openvest.core.clock import monotonic_ns
from openvest.core.problems import Problem
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.bank import service_files
from openvest.features.bank.model import NewBankAccount
from openvest.features.fundings import service_suspense
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup
from openvest.features.segregation import service as segregation
from openvest.features.withdrawals import service as withdrawals
from openvest.features.withdrawals.model import NewWithdrawal
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.ports.camt import read_statements
from tests.features.direct_debits.sample import collect
from tests.features.fundings.sample import opened
from tests.features.mandates.sample import make_mandate
from tests.features.reference_accounts.sample import make_reference_account
from tests.gates.ground import ground
from tests.kit.customers import make_customer
from tests.kit.imports import owner_of
from tests.kit.world import make_tenant
from tests.stateful.paper_bank import FEE, OURS, Done, PaperBank, statement
from tests.stateful.storms import below_zero, judge_withdrawals
from tests.stateful.two import two_processes

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
AT_ONCE = 100
"""Payments of one unit of work."""
QUIET_DAYS = 6
"""More than a payment waits for a cut-off over holidays."""
PAYERS = [Party(f"Payer {iban[-3:]}", iban) for iban in ("DE95500105173934555844", "DE02120300000000202051")]

RUNNING = Query(
    int,
    """
    select count(*) from (
      select sum(sum(e.amount)) over (order by e.journal_id) as everything,
             sum(sum(e.amount) filter (where e.balance_id is not null or e.bucket in
                 ('suspense', 'bank', 'own_bank', 'client_funding'))) over (order by e.journal_id) as money
        from entries e where e.tenant_id = $1 and e.asset = 'EUR' group by e.journal_id) r
     where everything <> 0 or money <> 0
    """,
)
"""Journals after which the books, or money and where it is, did not sum to zero."""


@dataclass(frozen=True, slots=True)
class Named:
    name: str
    amount: Decimal


GROUPS = Query(
    Named,
    "select owner_id::text as name, available + locked + withdrawing + covering + due as amount from balances"
    " where tenant_id = $1 and owner_kind = 'group' and asset = 'EUR'",
)
HOUSE = Query(
    Named,
    "select case bucket when 'own_bank' then 'bank' else bucket end as name, sum(balance) as amount"
    " from house_balances where tenant_id = $1 and asset = 'EUR' group by 1",
)
TWICE = Query(
    str,
    """
    select kind || ' ' || matched_id from bank_lines
     where tenant_id = $1 and matched_id is not null and kind in ('CREDIT', 'DEBIT')
     group by kind, matched_id having count(*) > 1
    """,
)
"""Objects on which two lines of one direction were booked."""
LINES = Query(
    Named,
    "select substr(external_id, 38) as name, case kind when 'CREDIT' then amount else -amount end as amount"
    " from bank_lines where tenant_id = $1 and kind in ('CREDIT', 'DEBIT') and status <> 'RECEIVED' order by 1",
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A customer, and what money goes by."""

    group_id: UUID
    user_id: UUID
    iban: str
    number: str
    paid_to: UUID
    mandate_id: UUID


@dataclass
class Expected:
    """What must come out, as plain sums. `objects`: what an instruction is for, its group and what it does to it."""

    groups: dict[UUID, Decimal] = field(default_factory=lambda: defaultdict[UUID, Decimal](Decimal))
    suspense: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    objects: dict[UUID, tuple[UUID | None, int]] = field(default_factory=dict[UUID, tuple[UUID | None, int]])
    told: Counter[str] = field(default_factory=Counter[str])

    def hears(self, done: Done) -> None:
        """What became of an instruction."""
        group_id, sign = self.objects[done.instruction.object_id]
        name = "return" if group_id is None else "withdrawal" if sign < 0 else "direct debit"
        self.told[f"{name} {'refused' if done.refused else 'taken back' if done.taken_back else 'paid'}"] += 1
        if done.refused or (done.taken_back and sign < 0):
            return
        amount = -FEE if done.taken_back else sign * done.instruction.amount
        if group_id is None:
            self.suspense += amount
        else:
            self.groups[group_id] += amount


@dataclass
class Campaign:
    """A tenant whose groups pay and are paid, and its bank."""

    world: Assembled
    tenant_id: UUID
    chance: Random
    paper: PaperBank
    expected: Expected
    holders: list[Holder] = field(default_factory=list[Holder])
    numbers: int = 0

    async def write(self, work: Callable[[Unit], Awaitable[None]], n: int = 1) -> None:
        await self.world.database.write(self.tenant_id, work, n=n)

    async def people(self, count: int) -> None:
        """Customers with all that money goes by."""
        for _ in range(count):
            customer = await make_customer(self.world.database, self.tenant_id)
            account = await opened(self.world.database, self.tenant_id, customer.group_id)

            async def more(unit: Unit, customer=customer, iban: str = account.iban) -> None:
                group = await accounts.get_account_group(unit, customer.group_id)
                paid_to = (await make_reference_account(unit, customer.user_id)).id
                mandate_id = (await make_mandate(unit, customer.user_id)).id
                number = group.securities_account_number
                self.holders.append(Holder(group.id, customer.user_id, iban, number, paid_to, mandate_id))

            await self.write(more)

    async def some(self, unit: Unit, count: int) -> None:
        """So many payments, of any kind."""
        for _ in range(count):
            self.numbers += 1
            holder = self.chance.choice(self.holders)
            amount = Decimal(self.chance.randint(1, 50_000)) / 100
            act = self.chance.choices(
                [self.transfer, self.stray, self.topup, self.withdraw, self.collect], [40, 8, 12, 22, 18]
            )[0]
            await act(unit, holder, amount)

    async def transfer(self, unit: Unit, holder: Holder, amount: Decimal) -> None:
        """A customer's transfer to the group's own IBAN, or to ours with its number; some are recalled."""
        ours = self.chance.random() < 0.3
        text, iban = (f"CF {holder.number}", OURS.iban) if ours else ("", holder.iban)
        recalled = self._arrives(amount, text=text, iban=iban)
        self.expected.told["transfer recalled" if recalled else "transfer"] += 1
        if not recalled:
            self.expected.groups[holder.group_id] += amount

    async def stray(self, unit: Unit, holder: Holder, amount: Decimal) -> None:
        """A transfer that names nobody."""
        recalled = self._arrives(amount, text="for you", often=0.4)
        self.expected.told["stray recalled" if recalled else "stray"] += 1
        if not recalled:
            self.expected.suspense += amount

    async def topup(self, unit: Unit, holder: Holder, amount: Decimal) -> None:
        """Mostly wired; sometimes with another amount, or never."""
        made = await payments.create_topup(unit, NewTopup(holder.group_id, amount, "EUR"))
        self.expected.groups[holder.group_id] += amount
        self.expected.funding -= amount
        kind = self.chance.choices(["wired", "wired wrong", "not wired"], [8, 1, 1])[0]
        self.expected.told[f"top-up {kind}"] += 1
        text = f"topup {made.settlement_reference}"
        if kind == "wired":
            self._arrives(amount, text=text, often=0)
            self.expected.funding += amount
        elif kind == "wired wrong":
            self._arrives(amount + 1, text=text, often=0)
            self.expected.suspense += amount + 1

    async def withdraw(self, unit: Unit, holder: Holder, amount: Decimal) -> None:
        new = NewWithdrawal(holder.paid_to, holder.group_id, None, None, amount, "EUR", "Payout", None)
        try:
            made = await withdrawals.create_withdrawal(unit, new)
        except Problem:
            self.expected.told["withdrawal not withdrawable"] += 1
            return
        self.expected.objects[made.id] = (holder.group_id, -1)

    async def collect(self, unit: Unit, holder: Holder, amount: Decimal) -> None:
        made = await collect(unit, holder.group_id, holder.mandate_id, f"{amount:.2f}")
        self.expected.objects[made.id] = (holder.group_id, 1)

    def _arrives(self, amount: Decimal, *, text: str = "", iban: str = OURS.iban, often: float = 0.12) -> bool:
        """A transfer arrives. Returns whether it is recalled."""
        name, payer = f"p{self.numbers}", self.chance.choice(PAYERS)
        self.paper.book(amount, name, payer, text=text, iban=iban)
        recalled = self.chance.random() < often
        if recalled:
            self.paper.book(-amount, name, payer, text=text, reason="FOCR", iban=iban)
        return recalled

    async def operate(self, unit: Unit) -> None:
        """An operator looks into suspense: some of what is nobody's is somebody's, some goes back."""
        recalled = {line.end_to_end_id for line in self.paper.lines if line.reason == "FOCR"}
        for line in await bank.list_unmatched(unit, 40):
            if line.kind == "DEBIT" or line.object_id is not None or line.end_to_end_id in recalled:
                continue
            if self.chance.random() < 0.5:
                holder = self.chance.choice(self.holders)
                await service_suspense.assign_payment(unit, line.id, holder.group_id)
                self.expected.suspense -= line.amount
                self.expected.groups[holder.group_id] += line.amount
                self.expected.told["assigned"] += 1
            else:
                self.expected.objects[await service_suspense.return_payment(unit, line.id)] = (None, -1)

    async def next_day(self) -> None:
        """What the bank hands over is imported; then a day passes."""
        await self.hand_over()
        at = datetime.combine(self.paper.day, MONDAY.timetz()) + DAY
        await self.world.clockwork.set_target(self.tenant_id, lambda _: at)
        await self.world.clockwork.advance(self.tenant_id, wait_s=None)
        self.paper.day = at.date()

    async def hand_over(self) -> None:
        self.paper.write()
        for content in self.paper.hand_over():
            told = service_files.read_file(content)

            async def take(unit: Unit, told: service_files.Told = told) -> None:
                await service_files.import_file(unit, told)

            await self.write(take)
        await self.world.runner.drain(self.tenant_id)

    async def judge(self) -> str:
        """What must be true in the end, and a line of figures. Raises: AssertionError."""
        database, tenant_id, expected = self.world.database, self.tenant_id, self.expected
        found = {
            UUID(one.name): one.amount for one in await database.read(tenant_id, lambda u: u.rows(GROUPS, tenant_id))
        }
        wrong = {key for key in {*found, *expected.groups} if found.get(key, 0) != expected.groups.get(key, 0)}
        assert not wrong, (
            f"{len(wrong)} groups, such as {[(k, found.get(k), expected.groups.get(k)) for k in wrong][:3]}"
        )
        house = {one.name: one.amount for one in await database.read(tenant_id, lambda u: u.rows(HOUSE, tenant_id))}
        paid = sum((line.signed for line in self.paper.lines), Decimal(0))
        wanted = {"bank": -paid, "suspense": expected.suspense, "client_funding": expected.funding}
        assert {k: v for k, v in house.items() if v} == {k: v for k, v in wanted.items() if v}, (house, wanted)
        assert sum(found.values(), Decimal(0)) + expected.suspense == paid - expected.funding
        assert await database.read(tenant_id, lambda unit: unit.one(RUNNING, tenant_id)) == 0
        booked = await database.read(tenant_id, lambda unit: unit.rows(LINES, tenant_id))
        assert [(one.name, one.amount) for one in booked] == sorted((x.reference, x.signed) for x in self.paper.lines)
        assert await database.read(tenant_id, lambda unit: unit.rows(TWICE, tenant_id)) == []
        for day in sorted({line.on for line in self.paper.lines}):
            whole = read_statements(statement([line for line in self.paper.lines if line.on == day]))
            assert await database.read(tenant_id, lambda u, c=whole: service_files.reconcile_file(u, c)) == [], day
        assert await below_zero(database, tenant_id) == []
        for one in await database.read(tenant_id, segregation.requirements):
            assert one.missing == 0, one
        proof = await prove_tenant(database, tenant_id, catalog.INVARIANTS)
        assert proof.clean, proof.findings
        told = ", ".join(f"{count} {name}" for name, count in sorted(expected.told.items()))
        return f"{self.numbers} payments of {len(self.holders)} groups, {len(booked)} lines, each booked once: {told}"


async def nothing() -> None:
    """What few rows need."""


async def run(
    world: Assembled,
    payments_wanted: int,
    groups: int,
    seed: int,
    *,
    days: int = 20,
    progress: bool = False,
    analyzed: Callable[[], Awaitable[None]] = nothing,
) -> str:
    """The whole campaign. Returns its figures. Raises: AssertionError.

    `analyzed` has the planner look at what was written, as a database with autovacuum does by itself.
    """
    tenant_id = await make_tenant(world.database, f"Payments {seed}", frozen_at=MONDAY)
    expected = Expected()
    paper = PaperBank(Random(f"{seed} bank"), expected.hears, MONDAY.date())
    world.runner.ports = replace(world.runner.ports, bank=paper)
    campaign = Campaign(world, tenant_id, Random(f"{seed} payments"), paper, expected)

    async def account(unit: Unit) -> None:
        await service_files.add_account(unit, NewBankAccount("EUR", OURS.name, OURS.bic or "", OURS.iban))

    await campaign.write(account)
    await campaign.people(groups)
    begun = monotonic_ns()
    for day in range(days):
        left = payments_wanted * (day + 1) // days - campaign.numbers
        while left > 0:
            count = min(left, AT_ONCE)
            await campaign.write(lambda unit, count=count: campaign.some(unit, count), n=count)
            left -= count
        await campaign.write(campaign.operate)
        await campaign.next_day()
        if progress:
            seconds = (monotonic_ns() - begun) / 1e9
            print(f"  day {day + 1} of {days}: {campaign.numbers} payments, {len(paper.lines)} lines, {seconds:.0f} s")
    quiet = 0
    while quiet < QUIET_DAYS:  # what is on its way comes to its end, returns of returns too
        await campaign.next_day()
        quiet = quiet + 1 if paper.silent else 0
    await analyzed()
    figures = await campaign.judge()
    paper.lines.append(replace(paper.lines[0], reference="never told"))
    try:
        await campaign.judge()
    except AssertionError:
        return figures
    raise AssertionError("a line that was never told is not missed")


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stateful.payments", description=__doc__)
    parser.add_argument("--payments", type=int, default=20_000, help="how many payments there are (20000)")
    parser.add_argument("--groups", type=int, default=200, help="how many account groups they are of (200)")
    parser.add_argument("--withdrawals", type=int, default=2_000, help="how many are sent at once (2000)")
    parser.add_argument("--money-for", type=int, default=437, help="for how many of them there is money (437)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="the same once more")
    return parser.parse_args(arguments)


async def main(asked: argparse.Namespace) -> int:
    print(f"{asked.payments} payments of {asked.groups} groups, seed={asked.seed}")
    async with ground() as stand:

        async def analyzed() -> None:
            async with owner_of(stand.cluster, stand.world.database) as owner:
                await owner.execute("analyze")

        print(await run(stand.world, asked.payments, asked.groups, asked.seed, progress=True, analyzed=analyzed))
        async with two_processes(stand.cluster) as two:
            begun = monotonic_ns()
            told = await judge_withdrawals(
                two.doors, two.worlds[0].database, two.customer, asked.withdrawals, asked.money_for
            )
            await two.assert_proved()
            print(f"{asked.withdrawals} withdrawals at once: {dict(told)}, in {(monotonic_ns() - begun) / 1e9:.0f} s")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue] - a text stream
    os.chdir(Path(__file__).resolve().parents[2])
    sys.exit(asyncio.run(main(options())))
