"""Decisions about allocations and configurations, and the refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from openvest.core.lifecycle import Lifecycle
from openvest.core.money import plain
from openvest.core.problems import Conflict, FieldError, InvalidRequest, NotFound, Unprocessable
from openvest.features.accounts.model import AccountFacts
from openvest.features.instruments.model import Instrument
from openvest.features.portfolios.model import NewTarget, Target

WHOLE = Decimal(100)
DEFAULT_NAME = "Allocation"
MOST_TARGETS = 200

CONFIGURATION = Lifecycle(
    noun="portfolio",
    table="portfolio_configurations.status",
    born=("ACTIVE",),
    ends=frozenset({"CLOSED"}),
    moves={("ACTIVE", "change"): "ACTIVE", ("ACTIVE", "close"): "CLOSED"},
)


class AllocationNotFound(NotFound):
    """No allocation of this tenant has the id."""

    def __init__(self) -> None:
        super().__init__("There is no allocation of this id.")


class ConfigurationNotFound(NotFound):
    """The account follows no allocation, or there is no such account."""

    def __init__(self) -> None:
        super().__init__("There is no portfolio configuration of this account.")


class PortfolioNotFound(NotFound):
    """No portfolio of this tenant has the id."""

    def __init__(self) -> None:
        super().__init__("There is no portfolio of this id.")


class TargetUnfit(InvalidRequest):
    """Instruments of an allocation that are not known, not traded, or named twice; each is named."""


class AccountTakesNoPortfolio(Unprocessable):
    """The account is of another type, or not ACTIVE."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("account_id", "is not an active account of type PORTFOLIO")])


class ConfigurationExists(Unprocessable):
    """An account follows one allocation at a time."""

    def __init__(self) -> None:
        error = FieldError("account_id", "has a configuration already")
        super().__init__("This account has a portfolio configuration already; change it instead.", errors=[error])


class FollowsAllocation(Conflict):
    """An account that follows an allocation keeps its type."""

    def __init__(self) -> None:
        error = FieldError("type", "stays PORTFOLIO while the account has a portfolio configuration")
        super().__init__("Delete the portfolio configuration of this account first.", errors=[error])


def weight_errors(field: str, weights: Sequence[Decimal], whole: Decimal = WHOLE) -> Iterator[FieldError]:
    """What is wrong with the weights of one allocation, which each are numbers and add up to `whole`."""
    if not 1 <= len(weights) <= MOST_TARGETS:
        yield FieldError(field, f"has 1 to {MOST_TARGETS} instruments")
        return
    for position, weight in enumerate(weights):
        if weight <= 0:
            yield FieldError(f"{field}.{position}.weight", "is above zero")
    if (total := sum(weights, Decimal(0))) != whole:
        yield FieldError(field, f"has weights that add up to {plain(whole)}, not to {plain(total)}")


def targets(field: str, wanted: Sequence[NewTarget], known: Mapping[str | UUID, Instrument]) -> Sequence[Target]:
    """The targets that a client means. `field` is what they are called in its contract. Raises: TargetUnfit."""
    found, errors, seen = list[Target](), list[FieldError](), set[UUID]()
    for position, target in enumerate(wanted):
        instrument = known.get(target.instrument)
        wrong = _wrong(instrument, seen)
        if wrong is not None:
            errors.append(FieldError(f"{field}.{position}.instrument_id", wrong))
        elif instrument is not None:
            seen.add(instrument.id)
            by_id = isinstance(target.instrument, UUID)
            found.append(Target(instrument.id, instrument.isin, by_id, target.weight))
    if errors:
        raise TargetUnfit("An allocation names instruments that can be traded, each once.", errors=errors)
    return tuple(found)


def _wrong(instrument: Instrument | None, seen: set[UUID]) -> str | None:
    if instrument is None:
        return "is no known instrument"
    if instrument.trading_status != "ACTIVE":
        return "is not traded"
    return "cannot be given twice" if instrument.id in seen else None


def check_account(facts: AccountFacts) -> None:
    """Raises: AccountTakesNoPortfolio."""
    if facts.account_type != "PORTFOLIO":
        raise AccountTakesNoPortfolio("Only accounts of type PORTFOLIO follow an allocation.")
    if (facts.account_status, facts.group_status) != ("ACTIVE", "ACTIVE"):
        raise AccountTakesNoPortfolio("Only an active account, of an active group, follows an allocation.")
