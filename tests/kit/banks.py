"""What arrives on our bank accounts, and the work that books it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from openvest import catalog
from openvest.core.banking import LineKind, Party
from openvest.db.unit import Database, Unit
from openvest.declarations import Sweep
from openvest.features.bank import service as bank
from openvest.features.bank.model import Receipt
from openvest.ports.bank import Entry
from openvest.work.runner import Runner

OURS = "NL70ABNA0106295004"
ERIKA = Party("Erika Beispiel", "DE95500105173934555844")


def _book() -> Sweep:
    [found] = [work for work in catalog.WORKS if work.name == "bank.book"]
    assert isinstance(found, Sweep)
    return found


BOOK = _book()
"""The sweep that books what banks told, with everybody who may take it."""


def entry(
    unit: Unit,
    text: str = "",
    amount: str = "1000.00",
    *,
    external_id: str | None = None,
    currency: str = "EUR",
    kind: LineKind = "CREDIT",
    end_to_end_id: str = "it-0001",
    account_iban: str = OURS,
    counterparty: Party | None = ERIKA,
    return_reason: str | None = None,
    transaction_code: str = "PMNT-RCDT-ESCT",
) -> Entry:
    """What a bank tells now."""
    return Entry(
        external_id=external_id or str(unit.ids.new("bank_reference")),
        received_at=unit.now,
        kind=kind,
        account_iban=account_iban,
        amount=Decimal(amount),
        currency=currency,
        booking_on=unit.now.date(),
        value_on=unit.now.date(),
        end_to_end_id=end_to_end_id,
        counterparty=counterparty,
        remittance_information=text,
        return_reason=return_reason,
        transaction_code=transaction_code,
    )


async def book(database: Database, tenant_id: UUID) -> None:
    """Book all that has arrived."""

    async def stands_still(unit: Unit) -> bool:
        return unit.frozen

    runner = Runner(database, [BOOK], None)  # pyright: ignore[reportArgumentType] - a sweep asks no port
    if await database.read(tenant_id, stands_still):
        await runner.drain(tenant_id)
    else:
        await runner.run_until_quiet(tenant_id)


async def wire(
    database: Database,
    tenant_id: UUID,
    text: str,
    amount: str = "1000.00",
    *,
    currency: str = "EUR",
    external_id: str | None = None,
) -> Receipt:
    """A transfer arrives and is booked."""

    async def work(unit: Unit) -> Receipt:
        told = entry(unit, text, amount, currency=currency, external_id=external_id)
        return (await bank.receive(unit, [told]))[0]

    receipt = await database.write(tenant_id, work)
    await book(database, tenant_id)
    return receipt
