"""Decisions of onboarding: the life of a check, when a user is complete, which nationality counts, and the refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import FieldError, NotFound, Unprocessable
from openvest.features.onboarding.model import Check, CheckType
from openvest.features.users.model import Licence, User, Verdict

CHECK = Lifecycle(
    noun="check",
    table="user_checks.status",
    born=("IN_PROGRESS",),
    ends=frozenset(),
    moves={
        ("IN_PROGRESS", "pass"): "PASSED",
        ("IN_PROGRESS", "fail"): "FAILED",
        # What was decided can be overturned: a screening hits later, or a hit turns out to be someone else.
        ("PASSED", "fail"): "FAILED",
        ("FAILED", "pass"): "PASSED",
    },
)


class CheckNotFound(NotFound):
    """The user has no check of this id."""

    def __init__(self) -> None:
        super().__init__("This user has no check of this id.")


class IdentifierNotFound(NotFound):
    """The user has no identifier of this id."""

    def __init__(self) -> None:
        super().__init__("This user has no identifier of this id.")


class NoTaxResidencies(NotFound):
    """Tax residencies of this user were never set."""

    def __init__(self) -> None:
        super().__init__("This user has not declared any tax residency yet.")


class CheckKindUnavailable(Unprocessable):
    """The type is in the contract, the feature behind it does not exist yet."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"Checks of type {kind} are not available yet.", errors=[FieldError("type", "is not available yet")]
        )


EEA = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split())
CONCAT_COUNTRIES = frozenset({"AT", "DE", "FR", "HU", "IE", "LU"})
"""Nationals of these are reported under an identifier made from name and birth date. Source: reference (users)."""


def decisive_nationality(nationalities: list[str]) -> str:
    """The nationality whose identifier is reported: one of the EEA before others, then by the alphabet.

    Source: reference (users).
    """
    return min(nationalities, key=lambda country: (country not in EEA, country))


@dataclass(frozen=True, slots=True)
class ActivationFacts:
    """What the decision about a user's activation sees. Shape: `decided` is the last decided check of each type."""

    user: User
    decided: Mapping[CheckType, Check]
    identifier_countries: frozenset[str]
    has_tax_residency: bool

    def verdict(self, kind: CheckType) -> Verdict | None:
        check = self.decided.get(kind)
        return None if check is None or check.status == "IN_PROGRESS" else check.status


def _address_confirmed(facts: ActivationFacts) -> bool:
    kyc = facts.decided.get("KYC")
    return facts.verdict("POR") == "PASSED" or (kyc is not None and "confirmed_address" in kyc.details)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition of being ACTIVE. `broken` says that it had been met and is not any more."""

    name: str
    licences: frozenset[Licence]
    met: Callable[[ActivationFacts], bool]
    broken: Callable[[ActivationFacts], bool] = lambda _: False


_TOL: frozenset[Licence] = frozenset({"TOL"})
_BOTH: frozenset[Licence] = frozenset({"TOL", "BYOL"})


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(
        "KYC passed",
        _TOL,
        lambda facts: facts.verdict("KYC") == "PASSED",
        lambda facts: facts.verdict("KYC") == "FAILED",
    ),
    Requirement(
        "address confirmed by the KYC evidence, else POR passed",
        _TOL,
        _address_confirmed,
        lambda facts: facts.verdict("POR") == "FAILED" and not _address_confirmed(facts),
    ),
    Requirement(  # a failed fit does not block: each order then carries the acknowledgement
        "INSTRUMENT_FIT decided", _TOL, lambda facts: facts.verdict("INSTRUMENT_FIT") is not None
    ),
    Requirement(
        "COMPLIANCE passed",
        _TOL,
        lambda facts: facts.verdict("COMPLIANCE") == "PASSED",
        lambda facts: facts.verdict("COMPLIANCE") == "FAILED",
    ),
    Requirement(
        "identifier of the decisive nationality",
        _BOTH,
        lambda facts: decisive_nationality(facts.user.nationalities) in CONCAT_COUNTRIES | facts.identifier_countries,
    ),
    Requirement("tax residencies declared", _BOTH, lambda facts: facts.has_tax_residency),
)
"""When a user becomes ACTIVE, by licence. Under BYOL the client runs the checks itself. Source: reference (users)."""


def unmet(facts: ActivationFacts) -> list[str]:
    """The names of the requirements that are not met."""
    return [row.name for row in _of(facts) if not row.met(facts)]


def decide_status(facts: ActivationFacts) -> str | None:
    """The verb that has become due for the user (`activate`, `deactivate`), or None."""
    if facts.user.status == "INACTIVE" and not unmet(facts):
        return "activate"
    if facts.user.status == "ACTIVE" and any(row.broken(facts) for row in _of(facts)):
        return "deactivate"
    return None


def _of(facts: ActivationFacts) -> list[Requirement]:
    return [row for row in REQUIREMENTS if facts.user.licence in row.licences]


def starts_compliance(facts: ActivationFacts, known: set[CheckType]) -> bool:
    """Our own screening starts by itself, once, when the KYC check has passed. Source: reference (users)."""
    user = facts.user
    if user.licence != "TOL" or user.status not in ("INACTIVE", "ACTIVE"):
        return False
    return facts.verdict("KYC") == "PASSED" and "COMPLIANCE" not in known
