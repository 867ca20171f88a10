"""Instructions on their way to the bank and back, on a clock that stands still, and who books what it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from openvest.core.banking import Mandate, Party
from openvest.core.ids import deterministic_id
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.declarations import LineTaker
from openvest.features.bank import service, sweeps
from openvest.features.bank.model import BankLine, NewInstruction
from openvest.features.bank.rules import BankLineNotFound, answers
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.ports.bank import Instruction
from openvest.ports.unconnected import UnconnectedBank
from openvest.simulation.bank import FATES, USUAL, entries
from openvest.simulation.scenarios import Name, lay
from openvest.work.runner import Runner
from tests.kit.banks import ERIKA, book, entry, wire

pytestmark = pytest.mark.anyio

GIFT = deterministic_id("gift")
PAYOUT = NewInstruction("CREDIT_TRANSFER", "gift", GIFT, None, Decimal("12.34"), "EUR", ERIKA, "for you")
DEBIT = replace(
    PAYOUT, kind="DIRECT_DEBIT", mandate=Mandate("M-1", date(2026, 3, 1), "DE98ZZZ09999999999", "We", "FRST")
)


@dataclass(frozen=True)
class Told:
    """A line as it came in."""

    kind: str
    due_at: datetime
    status: str
    object_kind: str | None
    return_reason: str | None


TOLD = Query(
    Told,
    "select kind, due_at, status, object_kind, return_reason from bank_lines where tenant_id = $1"
    " order by due_at, ordinal",
)
DEAD = Query(UUID, "select row_id from dead_letters where tenant_id = $1")
STATUS = Query(str, "select status from bank_instructions where tenant_id = $1")
SUSPENSE = Query(Decimal, "select balance from house_balances where tenant_id = $1 and bucket = 'suspense'")


class House:
    """A tenant whose clock stands still on Monday, 2 March 2026, 09:30 UTC."""

    def __init__(self, assembled: Assembled, tenant_id: UUID) -> None:
        self.assembled, self.database, self.tenant_id = assembled, assembled.database, tenant_id

    async def instruct(self, new: NewInstruction) -> None:
        await self.database.write(self.tenant_id, lambda unit: service.instruct(unit, [new]))

    async def recall(self, object_id: UUID) -> set[UUID]:
        return await self.database.write(self.tenant_id, lambda unit: service.recall(unit, [object_id]))

    async def until(self, *at: int) -> None:
        target = datetime(*at, tzinfo=UTC)
        await self.assembled.clockwork.set_target(self.tenant_id, lambda _: target)
        await self.assembled.clockwork.advance(self.tenant_id, to=target, wait_s=60)

    async def told(self) -> list[Told]:
        return await self.database.read(self.tenant_id, lambda unit: unit.rows(TOLD, self.tenant_id))

    async def status(self) -> str:
        return await self.database.read(self.tenant_id, lambda unit: unit.one(STATUS, self.tenant_id))

    async def lay(self, name: Name, client_reference: str) -> None:
        await self.database.write(self.tenant_id, lambda unit: lay(unit, name, 1, client_reference=client_reference))


@pytest.fixture
def house(assembled: Assembled, frozen_tenant_id: UUID) -> House:
    return House(assembled, frozen_tenant_id)


async def test_an_instruction_leaves_at_the_cut_off_and_is_booked_when_it_is_due(house: House) -> None:
    await house.instruct(PAYOUT)
    await house.until(2026, 3, 2, 12, 59)
    assert (await house.status(), await house.told()) == ("READY", [])
    await house.until(2026, 3, 2, 13, 1)
    assert await house.status() == "SENT"
    assert [line.kind for line in await house.told()] == ["SENT", "DEBIT"]
    await house.until(2026, 3, 4)
    sent, debit = await house.told()
    assert (sent.object_kind, debit.object_kind, debit.due_at) == ("gift", "gift", datetime(2026, 3, 3, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("new", "name", "kinds", "reason", "last_on"),
    [
        (PAYOUT, None, "DEBIT", None, date(2026, 3, 3)),
        (PAYOUT, "payout_rejected", "REJECTED", "AC04", date(2026, 3, 3)),
        (PAYOUT, "payout_delayed", "DEBIT", None, date(2026, 3, 4)),
        (PAYOUT, "payout_returned", "DEBIT CREDIT", "AC04", date(2026, 3, 5)),
        (DEBIT, "direct_debit_rejected", "REJECTED", "AC04", date(2026, 3, 3)),
        (DEBIT, "direct_debit_delayed", "CREDIT", None, date(2026, 3, 4)),
        (DEBIT, "direct_debit_returned", "CREDIT DEBIT", "AM04", date(2026, 3, 5)),
        (DEBIT, "direct_debit_charged_back", "CREDIT DEBIT", "MD06", date(2026, 4, 7)),
        (DEBIT, "direct_debit_unauthorised", "CREDIT DEBIT", "MD01", date(2026, 12, 28)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_the_simulated_bank_tells(
    new: NewInstruction, name: str | None, kinds: str, reason: str | None, last_on: date
) -> None:
    asked = Instruction(
        deterministic_id("i"), GIFT, new.kind, GIFT, None, GIFT.hex, new.amount, "EUR", ERIKA, "", None, new.mandate,
        date(2026, 3, 3), datetime(2026, 3, 2, 13, tzinfo=UTC),
    )  # fmt: skip
    told = list(entries(asked, FATES[name] if name else USUAL))
    assert " ".join(entry.kind for entry in told) == kinds
    assert (told[-1].return_reason, told[-1].booking_on) == (reason, last_on)
    assert all(answers(new.kind, entry.kind, entry.return_reason, entry.transaction_code) for entry in told)
    assert len({entry.external_id for entry in told}) == len(told)


@pytest.mark.parametrize("how", ["by the object's id", "by the text"])
async def test_a_scenario_says_what_the_bank_does(house: House, how: str) -> None:
    text = "please payout-returned" if how == "by the text" else ""
    await house.instruct(replace(PAYOUT, remittance_information=text))
    if how == "by the object's id":
        await house.lay("payout_returned", client_reference=str(GIFT))
    await house.until(2026, 3, 2, 13, 1)
    assert [line.kind for line in await house.told()] == ["SENT", "DEBIT", "CREDIT"]


async def test_what_is_recalled_in_time_never_leaves(house: House) -> None:
    await house.instruct(PAYOUT)
    assert await house.recall(GIFT) == {GIFT}
    await house.until(2026, 3, 4)
    assert (await house.status(), await house.told()) == ("RECALLED", [])
    other = deterministic_id("another gift")
    await house.instruct(replace(PAYOUT, object_id=other))
    await house.until(2026, 3, 6)
    assert await house.recall(other) == set()


async def test_an_answer_is_recorded_under_its_lease_and_once(house: House) -> None:
    """A process that died between talking and recording, and its successor: the bank was asked twice, and it is one."""
    await house.instruct(PAYOUT)
    await house.database.write(house.tenant_id, _at_cut_off)
    ports = house.assembled.runner.ports
    first = await house.database.write(house.tenant_id, lambda unit: sweeps.lease_instructions(unit, 9), n=0)
    said = await sweeps.send_instructions(ports, first)
    recalled = await house.database.write(house.tenant_id, lambda unit: service.recall(unit, [GIFT]), n=0)
    assert recalled == set(), "what the bank may have is taken back"
    second = await house.database.write(house.tenant_id, lambda unit: sweeps.lease_instructions(unit, 9), n=0)
    again = await sweeps.send_instructions(ports, second)
    assert again == said
    for rows, told in ((first, said), (second, again), (second, again)):
        await house.database.write(house.tenant_id, lambda unit, r=rows, a=told: sweeps.record_answers(unit, r, a), n=0)
    assert [line.kind for line in await house.told()] == ["SENT", "DEBIT"]


async def _at_cut_off(unit: Unit) -> None:
    await unit.connection.execute("update bank_instructions set send_at = $1", unit.now)


async def test_what_no_bank_takes_waits_and_can_be_recalled(house: House) -> None:
    await house.instruct(PAYOUT)
    await house.database.write(house.tenant_id, _at_cut_off)
    rows = await house.database.write(house.tenant_id, lambda unit: sweeps.lease_instructions(unit, 9), n=0)
    said = await UnconnectedBank().send([])
    await house.database.write(house.tenant_id, lambda unit: sweeps.record_answers(unit, rows, said), n=0)
    assert await house.status() == "READY"
    assert await house.database.write(house.tenant_id, lambda unit: service.recall(unit, [GIFT]), n=0) == {GIFT}


async def test_lines_go_to_whom_they_concern_and_the_rest_to_suspense(house: House) -> None:
    heard: dict[str, list[str]] = {"gift": [], "high": [], "low": []}

    def taker(name: str, takes: str, *, instructed: bool = False) -> LineTaker:
        async def take(_: Unit, lines: Sequence[BankLine]) -> Mapping[UUID, UUID]:
            heard[name] += [line.kind if instructed else line.remittance_information for line in lines]
            mine = [line for line in lines if instructed or line.remittance_information == takes]
            return {line.id: GIFT for line in mine}

        return LineTaker(name, take, instructed)  # pyright: ignore[reportArgumentType] - a name of this test

    takers = [taker("gift", "", instructed=True), taker("low", "low"), taker("high", "high")]
    await house.instruct(PAYOUT)

    async def arrive(unit: Unit) -> None:
        mine = service.end_to_end_id(GIFT)
        await service.receive(
            unit,
            [
                entry(unit, "high", "1.00"),
                entry(unit, "low", "2.00"),
                entry(unit, "nobody's", "4.00"),
                entry(unit, "quotes our id", "8.00", end_to_end_id=mine),
                entry(unit, "", "12.34", kind="DEBIT", end_to_end_id=mine, transaction_code="PMNT-ICDT-ESCT"),
                entry(unit, "nobody's", "16.00", kind="DEBIT"),
            ],
        )

    await house.database.write(house.tenant_id, arrive)
    runner = Runner(house.database, [sweeps.book_lines(takers)], house.assembled.runner.ports)
    await runner.drain(house.tenant_id)
    assert heard == {
        "gift": ["DEBIT"],
        "high": ["high", "low", "nobody's", "quotes our id", "nobody's"],
        "low": ["low", "nobody's", "quotes our id", "nobody's"],
    }
    assert [line.status for line in await house.told()] == ["MATCHED"] * 2 + ["UNMATCHED"] * 2 + [
        "MATCHED",
        "UNMATCHED",
    ]
    # A debit of nobody's is a claim of the house's, as a credit of nobody's is its debt.
    assert await house.database.read(house.tenant_id, lambda unit: unit.one(SUSPENSE, house.tenant_id)) == -4


async def test_what_nobody_knew_is_resolved_once(house: House) -> None:
    receipt = await wire(house.database, house.tenant_id, "rent", "10.00")

    async def resolve(unit: Unit) -> Party | None:
        line = await service.unmatched_for_update(unit, receipt.id)
        await service.resolve(unit, line, "assign", GIFT)
        return service.open_parties(unit, line).counterparty

    listed = await house.database.read(house.tenant_id, lambda unit: service.list_unmatched(unit, 10))
    assert [line.id for line in listed] == [receipt.id]
    assert await house.database.write(house.tenant_id, resolve) == ERIKA
    with pytest.raises(BankLineNotFound):
        await house.database.write(house.tenant_id, resolve)
    assert [line.status for line in await house.told()] == ["ASSIGNED"]


async def test_an_instruction_that_cannot_be_sent_is_refused_by_us(house: House) -> None:
    await house.instruct(PAYOUT)
    await house.database.write(house.tenant_id, _unreadable)
    await house.until(2026, 3, 2, 13, 1)
    assert (await house.status(), await house.told()) == ("READY", [])

    async def drop(unit: Unit) -> None:
        await sweeps.reject_instruction(unit, await unit.one(DEAD, unit.tenant_id))

    await house.database.write(house.tenant_id, drop, n=0)
    assert [(line.kind, line.return_reason) for line in await house.told()] == [("REJECTED", None)]
    assert await house.status() == "REJECTED"
    await book(house.database, house.tenant_id)
    assert (await prove_tenant(house.database, house.tenant_id)).clean


async def _unreadable(unit: Unit) -> None:
    await unit.connection.execute("update bank_instructions set sealed_counterparty = 'x'")
