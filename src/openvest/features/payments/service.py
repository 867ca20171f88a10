"""Verbs of payments: create and cancel top-ups, take in bank lines and match them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.core.snapshots import dumps
from openvest.db.paging import page
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction, Reference
from openvest.features.payments import rules, store
from openvest.features.payments.model import BankLine, Receipt, Topup
from openvest.ledger import recipes
from openvest.ledger.apply import Short
from openvest.ledger.posting import post
from openvest.ports.bank import IncomingTransfer

INTAKE = "bank_intake"
"""Name of the sweep over bank lines."""


async def create_topup(unit: Unit, account_group_id: UUID, cash_amount: Decimal, currency: str) -> Topup:
    """Credit a group with money its client firm will wire.

    Raises: AccountGroupNotFound, GroupNotActive. Writes: topups, cash_transactions, the ledger.
    """
    group = await accounts.hold_account_group(unit, account_group_id)
    rules.may_top_up(group.status)
    at = unit.moment_after(None)
    topup = Topup(
        id=unit.ids.new("topup"),
        version=1,
        created_at=at,
        updated_at=at,
        account_group_id=group.id,
        cash_amount=cash_amount,
        currency=currency,
        status="CONFIRMED",
        settlement_reference=str(unit.ids.new("settlement_reference")),
    )
    await unit.run(
        store.ADD_TOPUP,
        unit.tenant_id,
        topup.id,
        topup.version,
        topup.created_at,
        topup.updated_at,
        topup.account_group_id,
        topup.cash_amount,
        topup.currency,
        topup.status,
        topup.settlement_reference,
    )
    unit.emit("TOPUP.CONFIRMED", topup.id, topup.version, at, topup)
    await post(unit, [recipes.topup(topup.id, group.id, currency, cash_amount, at.date())])
    await _record(unit, topup, "TOPUP", cash_amount, at)
    return topup


async def get_topup(unit: Unit, topup_id: UUID) -> Topup:
    """Raises: UnknownTopup."""
    return _known(await unit.row(store.TOPUP_BY_ID, unit.tenant_id, topup_id))


async def list_topups(unit: Unit, request: PageRequest, account_group_id: UUID) -> Page[Topup]:
    """A page of a group's top-ups. Raises: AccountGroupNotFound."""
    group = await accounts.get_account_group(unit, account_group_id)
    return await page(unit, store.TOPUPS, request, {"account_group_id": group.id})


async def cancel_topup(unit: Unit, topup_id: UUID) -> Topup:
    """Take a top-up back while it is CONFIRMED and its money still withdrawable.

    Raises: UnknownTopup, TopupIsFinal, TopupIsSpent. Writes: topups, cash_transactions, the ledger.
    """
    topup = _known(await unit.row(store.LOCK_TOPUP, unit.tenant_id, topup_id))
    rules.may_cancel(topup)
    [cancelled] = await _move(unit, [topup], "cancel")
    group_id, currency, amount = topup.account_group_id, topup.currency, topup.cash_amount
    at = cancelled.updated_at
    try:
        await post(unit, [recipes.topup_cancellation(topup.id, group_id, currency, amount, at.date())])
    except Short as short:
        raise rules.TopupIsSpent(
            f"The top-up cannot be taken back: {short.missing} {currency} of it are not available for withdrawal."
        ) from short
    await _record(unit, topup, "TOPUP_CANCELLATION", -amount, at)
    return cancelled


def _known(topup: Topup | None) -> Topup:
    if topup is None:
        raise rules.UnknownTopup("There is no top-up of this id.")
    return topup


async def _record(unit: Unit, topup: Topup, kind: str, amount: Decimal, at: datetime) -> None:
    transaction = CashTransaction(
        id=cash.transaction_id(unit, topup.id, topup.account_group_id),
        account_group_id=topup.account_group_id,
        type=kind,
        delta=Money(amount, topup.currency),
        references=(Reference(topup.id, "TOPUP"),),
        booking_date=at,
        value_date=at,
        created_at=at,
    )
    await cash.record_transactions(unit, [transaction])


async def _move(unit: Unit, topups: Sequence[Topup], verb: str) -> list[Topup]:
    """Move locked top-ups by one verb, in one statement, with an event for each."""
    moved = [
        replace(
            topup,
            version=topup.version + 1,
            updated_at=unit.moment_after(topup.updated_at),
            status=rules.TOPUP.move(topup.status, verb),
        )
        for topup in topups
    ]
    await unit.run(
        store.MOVE_TOPUPS,
        unit.tenant_id,
        [topup.id for topup in moved],
        [topup.status for topup in moved],
        [topup.version for topup in moved],
        [topup.updated_at for topup in moved],
    )
    for topup in moved:
        unit.emit(f"TOPUP.{topup.status}", topup.id, topup.version, topup.updated_at, topup)
    return moved


async def receive_transfers(unit: Unit, transfers: Sequence[IncomingTransfer]) -> list[Receipt]:
    """Put transfers into the inbox; one told twice is kept once. They are booked by the intake sweep.

    Writes: bank_lines.
    """
    ids = [unit.ids.new("bank_line", transfer.external_id) for transfer in transfers]
    await unit.run(
        store.ADD_LINES,
        unit.tenant_id,
        unit.now,
        ids,
        [transfer.external_id for transfer in transfers],
        [transfer.received_at for transfer in transfers],
        [transfer.amount for transfer in transfers],
        [transfer.currency for transfer in transfers],
        [transfer.client_reference for transfer in transfers],
        [transfer.remittance_information for transfer in transfers],
        [transfer.virtual_bank_account_id for transfer in transfers],
        [transfer.purpose_code for transfer in transfers],
        [_sealed(unit, line_id, transfer) for line_id, transfer in zip(ids, transfers, strict=True)],
    )
    external_ids = [transfer.external_id for transfer in transfers]
    kept = await unit.rows(store.LINES_BY_EXTERNAL_ID, unit.tenant_id, external_ids)
    by_reference = {receipt.bank_reference: receipt for receipt in kept}
    return [by_reference[external_id] for external_id in external_ids]


def _sealed(unit: Unit, line_id: UUID, transfer: IncomingTransfer) -> bytes:
    parties = {
        "account_iban": transfer.account_iban,
        "counterparty_name": transfer.counterparty_name,
        "counterparty_iban": transfer.counterparty_iban,
        "counterparty_bic": transfer.counterparty_bic,
    }
    return unit.secrets.seal(dumps(parties).encode(), f"bank_lines.sealed_parties {line_id}")


async def next_line(unit: Unit) -> datetime | None:
    """When the next bank line is due."""
    return await unit.row(store.NEXT_LINE, unit.tenant_id, INTAKE)


async def claim_lines(unit: Unit, limit: int) -> list[BankLine]:
    """Bank lines that are due, locked, in the order of their credit."""
    return await unit.rows(store.CLAIM_LINES, unit.tenant_id, unit.now, limit, INTAKE)


async def match_lines(unit: Unit, lines: Sequence[BankLine]) -> None:
    """Settle the top-ups these lines pay, and put every other line's money in suspense.

    Writes: bank_lines, topups, the ledger.
    """
    named = {line.id: rules.named_reference(line.remittance_information) for line in lines}
    references = sorted({reference for reference in named.values() if reference is not None})
    awaited: dict[str | None, Topup] = {}
    if references:
        found = await unit.rows(store.LOCK_TOPUPS_BY_REFERENCE, unit.tenant_id, references)
        awaited = {topup.settlement_reference: topup for topup in found}

    paid: dict[UUID, Topup] = {}
    for line in lines:
        topup = awaited.get(named[line.id])
        if topup is not None and rules.settles(line, topup):
            paid[line.id] = topup
            del awaited[named[line.id]]  # a second wire for the same top-up pays nothing

    on = unit.now.date()
    await post(unit, [_journal(line, paid.get(line.id), on) for line in lines])
    if paid:
        await _move(unit, list(paid.values()), "settle")
    await unit.run(
        store.MOVE_LINES,
        unit.tenant_id,
        [line.id for line in lines],
        [rules.BANK_LINE.move("RECEIVED", "match" if line.id in paid else "set apart") for line in lines],
        [paid[line.id].id if line.id in paid else None for line in lines],
        unit.now,
    )


async def set_line_apart(unit: Unit, line_id: UUID) -> None:
    """A bank line that cannot be matched pays nothing; its money is kept in suspense. Writes: bank_lines, ledger."""
    line = await unit.row(store.LOCK_RECEIVED, unit.tenant_id, line_id)
    if line is not None:
        await post(unit, [_journal(line, None, unit.now.date())])
        status = rules.BANK_LINE.move("RECEIVED", "set apart")
        await unit.run(store.MOVE_LINES, unit.tenant_id, [line.id], [status], [None], unit.now)


def _journal(line: BankLine, topup: Topup | None, on: date) -> recipes.Journal:
    if topup is None:
        return recipes.payment_unmatched(line.id, line.currency, line.amount, on)
    return recipes.topup_settled(topup.id, topup.currency, topup.cash_amount, on)
