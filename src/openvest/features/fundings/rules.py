"""Rules of fundings: what a transfer names, which group takes it, what recalls it, and how accounts are numbered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from schwifty import IBAN
from schwifty.domain import Component
from schwifty.exceptions import SchwiftyException
from schwifty.registry import get_iban_spec

from openvest.core.bank_accounts import masked_iban, valid_bic
from openvest.core.banking import Party
from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import FieldError, InvalidRequest, NotFound, Unprocessable
from openvest.features.bank.model import BankLine
from openvest.features.fundings.model import BankCode, Funding

FUNDING = Lifecycle(
    "credit funding",
    "credit_fundings.status",
    born=("CONFIRMED",),
    ends=frozenset({"CANCELLED"}),
    moves={("CONFIRMED", "cancel"): "CANCELLED"},
)
SANDBOX_BANK = BankCode("DE", "90000000", "OPVTDEFFXXX")
"""Where a sandbox has its virtual accounts that named no bank: a code of the form of German ones, which none has."""
CURRENCY = "EUR"
"""What virtual accounts take."""
TRIES = 20
"""How many numbers are tried for an account; the second is needed as good as never."""
_REFERENCE = re.compile(r"\bCF\s?([0-9]{7,12})\b", re.IGNORECASE)


class VirtualAccountNotFound(NotFound):
    """No virtual bank account of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no virtual bank account of this id.")


class FundingNotFound(NotFound):
    """No credit funding of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no credit funding of this id.")


class GroupTakesNoFunding(Unprocessable):
    """The state of the account group does not let money come to it."""

    def __init__(self, status: str) -> None:
        error = FieldError("account_group_id", "is of an account group whose state permits it")
        super().__init__(f"An account group that is {status} cannot be funded.", errors=[error])


class NoBankCode(Unprocessable):
    """The operator has not said yet at which bank the tenant has its virtual accounts."""

    def __init__(self) -> None:
        super().__init__("No bank is named yet at which this client firm has virtual accounts.")


class NothingToResolve(Unprocessable):
    """What a bank debited cannot be assigned or returned."""

    def __init__(self) -> None:
        super().__init__("The bank took this money; only what arrived is assigned or returned.")


class NobodyToPay(Unprocessable):
    """The bank did not say from which account a payment came."""

    def __init__(self) -> None:
        super().__init__("The bank did not tell from which account this payment came, so it cannot be returned.")


def may_have_account(group_status: str) -> None:
    """Raises: GroupTakesNoFunding."""
    if group_status != "ACTIVE":
        raise GroupTakesNoFunding(group_status)


def may_be_assigned(group_status: str) -> None:
    """What is a group's is put there although the group is closing. Raises: GroupTakesNoFunding."""
    if group_status not in ("ACTIVE", "CLOSING"):
        raise GroupTakesNoFunding(group_status)


def named_number(remittance_information: str) -> str | None:
    """The securities account number that a transfer's text names; None where it names none, or several."""
    found = set(_REFERENCE.findall(remittance_information))
    return found.pop() if len(found) == 1 else None


def is_recall(line: BankLine, counterparty: Party | None, funding: Funding) -> bool:
    """Whether this debit takes back that transfer: the same payer, the same end-to-end id, to the cent."""
    return (
        line.return_reason is not None
        and (line.end_to_end_id, line.currency, line.amount)
        == (funding.end_to_end_id, funding.currency, funding.cash_amount)
        and shown_iban(counterparty) == funding.counterparty_iban
    )


def shown_iban(counterparty: Party | None) -> str:
    """What is shown of the payer's account; nothing where the bank did not name one."""
    return masked_iban(counterparty.iban) if counterparty is not None and counterparty.iban else ""


def check_bank_code(bank: BankCode) -> None:
    """Raises: InvalidRequest, which says all that does not fit."""
    errors: list[FieldError] = []
    try:
        _iban(bank, 0)
    except (SchwiftyException, ValueError):
        errors.append(FieldError("bank_code", "is a code under which this country's banks number accounts"))
    try:
        valid_bic(bank.bic)
    except ValueError as error:
        errors.append(FieldError("bic", str(error)))
    if errors:
        raise InvalidRequest("Virtual accounts cannot be numbered so.", errors=errors)


def ibans(bank: BankCode, account_id: UUID) -> Iterator[str]:
    """Valid IBANs of this bank: a number that follows from the account's id, then its neighbours, if it is taken."""
    for step in range(TRIES):
        yield _iban(bank, account_id.int + step)


def _iban(bank: BankCode, number: int) -> str:
    """Raises: SchwiftyException, ValueError."""
    place = get_iban_spec(bank.country).positions[Component.ACCOUNT_CODE]
    length = place.end - place.start
    digits = str(number % 10**length).zfill(length)
    made = IBAN.generate(bank.country, bank_code=bank.bank_code, account_code=digits)
    if made.bank_code != bank.bank_code:
        raise ValueError("is of another length")
    return str(IBAN(str(made), validate_bban=True))
