"""Verbs of fundings: open virtual accounts and number them, credit groups with transfers, take recalled ones back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast
from uuid import UUID

from openvest.core.banking import Party
from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.bank.model import BankLine
from openvest.features.cash import service as cash
from openvest.features.cash.model import Reference
from openvest.features.fundings import rules, store
from openvest.features.fundings.model import BankCode, Funding, FundingStatus, NewVirtualAccount, VirtualAccount
from openvest.features.tenants import service as tenants
from openvest.features.users import service as users
from openvest.ledger import posting_rules
from openvest.ledger.posting import post

_opened = filled(
    VirtualAccount, NewVirtualAccount, beside="id version created_at updated_at currency owner_name iban bic"
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A transfer, and the group it is for."""

    line: BankLine
    counterparty: Party | None
    account_group_id: UUID
    virtual_bank_account_id: UUID | None


_funding = filled(
    Funding,
    Arrival,
    beside="id version created_at updated_at status",
    cash_amount=lambda arrival: arrival.line.amount,
    currency=lambda arrival: arrival.line.currency,
    remittance_information=lambda arrival: arrival.line.remittance_information,
    counterparty_name=lambda arrival: "" if arrival.counterparty is None else arrival.counterparty.name,
    counterparty_iban=lambda arrival: rules.shown_iban(arrival.counterparty),
    purpose_code=lambda arrival: arrival.line.purpose_code,
    bank_line_id=lambda arrival: arrival.line.id,
    end_to_end_id=lambda arrival: arrival.line.end_to_end_id,
)


async def create_virtual_account(unit: Unit, new: NewVirtualAccount) -> VirtualAccount:
    """Open an IBAN of our own for a group.

    Raises: AccountGroupNotFound, GroupTakesNoFunding, NoBankCode. Writes: virtual_bank_accounts,
    VIRTUAL_BANK_ACCOUNT.CREATED.
    """
    group = await accounts.account_group_for_share(unit, new.account_group_id)
    rules.may_have_account(group.status)
    bank = await get_bank_code(unit)
    owner = await users.get_user(unit, group.user_id)
    account_id, at = unit.ids.new("virtual_bank_account"), unit.moment_after(None)
    for iban in rules.ibans(bank, account_id):
        account = _opened(
            new,
            id=account_id,
            version=1,
            created_at=at,
            updated_at=at,
            currency=rules.CURRENCY,
            owner_name=f"{owner.first_name} {owner.last_name}",
            iban=iban,
            bic=bank.bic,
        )
        if await save(unit, store.ADD_ACCOUNT, account):
            unit.emit("VIRTUAL_BANK_ACCOUNT.CREATED", account.id, 1, at, account)
            return account
    raise RuntimeError(f"{rules.TRIES} account numbers in a row are taken")


async def get_virtual_account(unit: Unit, account_id: UUID) -> VirtualAccount:
    """Raises: VirtualAccountNotFound."""
    return await unit.known(rules.VirtualAccountNotFound(), store.ACCOUNT_BY_ID, unit.tenant_id, account_id)


async def list_virtual_accounts(unit: Unit, request: PageRequest, account_group_id: UUID) -> Page[VirtualAccount]:
    """A page of a group's virtual accounts. Raises: AccountGroupNotFound."""
    group = await accounts.get_account_group(unit, account_group_id)
    return await page(unit, store.ACCOUNTS, request, {"account_group_id": group.id})


async def get_bank_code(unit: Unit) -> BankCode:
    """Where the tenant has its virtual accounts. Raises: NoBankCode, in production alone."""
    bank = await unit.row(store.BANK_CODE, unit.tenant_id)
    if bank is not None:
        return bank
    if (await tenants.get_tenant(unit)).mode == "production":
        raise rules.NoBankCode
    return rules.SANDBOX_BANK


async def name_bank_code(unit: Unit, bank: BankCode) -> None:
    """Say where new virtual accounts are; those that are open keep their IBAN.

    Raises: InvalidRequest. Writes: bank_codes.
    """
    rules.check_bank_code(bank)
    await unit.run(store.SAVE_BANK_CODE, unit.tenant_id, bank.country, bank.bank_code, bank.bic, unit.now)


async def get_funding(unit: Unit, funding_id: UUID) -> Funding:
    """Raises: FundingNotFound."""
    return await unit.known(rules.FundingNotFound(), store.FUNDING_BY_ID, unit.tenant_id, funding_id)


async def list_fundings(unit: Unit, request: PageRequest, account_group_id: UUID) -> Page[Funding]:
    """A page of a group's credit fundings. Raises: AccountGroupNotFound."""
    group = await accounts.get_account_group(unit, account_group_id)
    return await page(unit, store.FUNDINGS, request, {"account_group_id": group.id})


async def credit(
    unit: Unit, arrivals: Sequence[Arrival], source: Literal["bank", "suspense"] = "bank"
) -> list[Funding]:
    """Credit groups, whose status stays as it is, with transfers that are theirs.

    Writes: credit_fundings, CREDIT_FUNDING.CONFIRMED, cash_transactions, the ledger.
    """
    made: list[Funding] = []
    for arrival in arrivals:
        funding_id, at = unit.ids.new("credit_funding", arrival.line.id), unit.moment_after(None)
        made.append(_funding(arrival, id=funding_id, version=1, created_at=at, updated_at=at, status="CONFIRMED"))
    await save(unit, store.ADD_FUNDINGS, *made)
    for funding in made:
        unit.emit("CREDIT_FUNDING.CONFIRMED", funding.id, 1, funding.created_at, funding)
    # What stood in suspense is booked when it is assigned, not when it arrived.
    days = [arrival.line.booking_on if source == "bank" else unit.now.date() for arrival in arrivals]
    journals = [
        posting_rules.credit_funding(one.id, one.account_group_id, one.currency, one.cash_amount, on, source=source)
        for one, on in zip(made, days, strict=True)
    ]
    await post(unit, journals)
    await _record(unit, made, "CREDIT_FUNDING", [arrival.line for arrival in arrivals])
    return made


async def take_back(
    unit: Unit, recalls: Sequence[tuple[Funding, BankLine]], source: Literal["bank", "suspense"] = "bank"
) -> None:
    """Cancel locked fundings that were recalled; what is spent of them is owed. `source` as of `credit`.

    Writes: credit_fundings, CREDIT_FUNDING.CANCELLED, cash_transactions, the ledger.
    """
    moved = [
        next_version(unit, funding, status=cast(FundingStatus, rules.FUNDING.move(funding.status, "cancel")))
        for funding, _ in recalls
    ]
    await save(unit, store.MOVE_FUNDINGS, *moved)
    for funding in moved:
        unit.emit("CREDIT_FUNDING.CANCELLED", funding.id, funding.version, funding.updated_at, funding)
    journals = [
        posting_rules.credit_funding_charge_back(
            one.id,
            one.account_group_id,
            one.currency,
            one.cash_amount,
            line.booking_on if source == "bank" else unit.now.date(),
            source=source,
        )
        for one, (_, line) in zip(moved, recalls, strict=True)
    ]
    await post(unit, journals)
    await _record(unit, moved, "CREDIT_FUNDING_CHARGE_BACK", [line for _, line in recalls])


async def _record(unit: Unit, fundings: Sequence[Funding], kind: str, lines: Sequence[BankLine]) -> None:
    rows = [
        cash.payment(
            unit,
            Reference(one.id, "CREDIT_FUNDING"),
            kind,
            one.account_group_id,
            Money(line.amount if line.kind == "CREDIT" else -line.amount, line.currency),
            one.updated_at,
            told_by=line.id,
        )
        for one, line in zip(fundings, lines, strict=True)
    ]
    await cash.record_transactions(unit, rows)
