"""What the bank tells of fundings: transfers that are a group's, recalls of them, and returns of money in suspense."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from openvest.db.unit import Unit
from openvest.declarations import LineTaker
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model import AccountGroup
from openvest.features.bank import service as bank
from openvest.features.bank.model import BankLine
from openvest.features.fundings import rules, service, service_suspense, store
from openvest.features.fundings.model import Funding, VirtualAccount
from openvest.features.fundings.service import Arrival
from openvest.ledger import posting_rules
from openvest.ledger.posting import post


async def take_transfers(unit: Unit, lines: Sequence[BankLine]) -> Mapping[UUID, UUID]:
    """Credit groups with what was sent to them, and take back what was recalled, whichever was told first.

    Writes: credit_fundings, CREDIT_FUNDING.…, cash_transactions, bank_lines, the ledger.
    """
    arrivals = await _arrivals(unit, [line for line in lines if line.kind == "CREDIT"])
    fundings = await service.credit(unit, arrivals)
    recalls = await _recalls(unit, [line for line in lines if line.kind == "DEBIT" and line.return_reason is not None])
    await service.take_back(unit, recalls)
    if fundings:
        early = await bank.unmatched_recalls(unit, [one.end_to_end_id for one in fundings])
        late = await _recalls(unit, early)
        await service.take_back(unit, late, "suspense")
        for funding, line in late:
            await bank.resolve(unit, line, "assign", funding.id)
    return {one.bank_line_id: one.id for one in fundings} | {line.id: funding.id for funding, line in recalls}


async def _arrivals(unit: Unit, lines: Sequence[BankLine]) -> list[Arrival]:
    """Those transfers that are an active group's."""
    if not lines:
        return []
    parties = {line.id: bank.open_parties(unit, line) for line in lines}
    virtual = await _virtual_accounts(
        unit,
        [line.virtual_bank_account_id for line in lines if line.virtual_bank_account_id is not None],
        [iban for one in parties.values() if (iban := one.account_iban) is not None],
    )
    numbers = {line.id: rules.named_number(line.remittance_information) for line in lines}
    groups = await _groups(unit, virtual.values(), [number for number in numbers.values() if number is not None])
    arrivals: list[Arrival] = []
    for line in lines:
        account = virtual.get(line.virtual_bank_account_id) or virtual.get(parties[line.id].account_iban)
        group = groups.get(numbers[line.id] if account is None else account.account_group_id)
        fits = account is None or account.currency == line.currency
        if group is not None and group.status == "ACTIVE" and fits:
            account_id = None if account is None else account.id
            arrivals.append(Arrival(line, parties[line.id].counterparty, group.id, account_id))
    return arrivals


async def _virtual_accounts(
    unit: Unit, ids: Sequence[UUID], ibans: Sequence[str]
) -> dict[UUID | str | None, VirtualAccount]:
    """Those that are named, by either name."""
    found = await unit.rows(store.ACCOUNTS_NAMED, unit.tenant_id, ids, ibans)
    return {name: account for account in found for name in (account.id, account.iban)}


async def _groups(
    unit: Unit, virtual: Iterable[VirtualAccount], numbers: Sequence[str]
) -> dict[UUID | str | None, AccountGroup]:
    """The groups of these accounts by id, and those of these numbers by number, none of which changes any more."""
    by_number = await accounts.account_group_ids(unit, numbers) if numbers else {}
    ids = {account.account_group_id for account in virtual} | {*by_number.values()}
    held = await accounts.account_groups_for_share(unit, ids) if ids else {}
    return {**held, **{number: held[group_id] for number, group_id in by_number.items()}}


async def _recalls(unit: Unit, lines: Sequence[BankLine]) -> list[tuple[Funding, BankLine]]:
    """Fundings that these debits take back, locked, each with its debit."""
    if not lines:
        return []
    ids = sorted({line.end_to_end_id for line in lines})
    left = await unit.rows(store.CONFIRMED_FOR_UPDATE, unit.tenant_id, ids)
    recalls: list[tuple[Funding, BankLine]] = []
    for line in lines:
        counterparty = bank.open_parties(unit, line).counterparty
        funding = next((one for one in left if rules.is_recall(line, counterparty, one)), None)
        if funding is not None:
            left.remove(funding)
            recalls.append((funding, line))
    return recalls


async def take_returns(unit: Unit, lines: Sequence[BankLine]) -> Mapping[UUID, UUID]:
    """Take out of suspense what the bank has paid back; what it refused to pay waits for the operator again.

    Writes: bank_lines, the ledger.
    """
    wanted = {line.id: line.object_id for line in lines if line.object_id is not None}
    returned = await bank.returned_for_update(unit, sorted({*wanted.values()}))
    booked: dict[UUID, UUID] = {}
    for line in lines:
        original = returned.get(wanted[line.id]) if line.id in wanted else None
        if original is None or line.kind == "CREDIT" or (line.kind == "DEBIT" and line.amount != original.amount):
            continue
        return_id = original.matched_id
        if line.kind == "DEBIT":
            await post(unit, [posting_rules.payment_returned(return_id, line.currency, line.amount, line.booking_on)])
        if line.kind != "SENT":
            await bank.end_return(unit, original, "pay" if line.kind == "DEBIT" else "reopen")
            del returned[return_id]  # it is ended once; what the bank takes for it again is nobody's
        booked[line.id] = return_id
    return booked


TAKERS = [
    LineTaker("credit funding", take_transfers),
    LineTaker(service_suspense.RETURNS, take_returns, instructed=True),
]
