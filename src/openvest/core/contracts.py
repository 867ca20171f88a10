"""The contracts there are, and what their clients are held to beside the operations themselves.

Facts, so that nobody asks a contract for its name: authentication, dispatch, the description and lists read them here.

Source: CONTRACTS.md (its first table); CONTRACTS.md rules 5 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Contract = Literal["v1", "lite"]


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How many items a page may hold, and how many it holds at most where a request says nothing."""

    least: int
    default: int
    most: int


@dataclass(frozen=True, slots=True)
class ContractRules:
    """What holds for every operation of one contract."""

    signed: bool
    """Requests are refused without a signature. Where they are not, one that is sent is verified all the same."""
    key_optional: bool
    """Every write takes an idempotency key and none demands one. Elsewhere an operation that lists the key demands it,
    and no other looks at it."""
    page: PageLimits
    event_name_key: str
    """Where an event that is delivered has its name."""
    about: str
    """What its description says of it."""


RULES: Mapping[Contract, ContractRules] = {
    "v1": ContractRules(
        signed=True,
        key_optional=False,
        page=PageLimits(least=0, default=100, most=1000),
        event_name_key="type",
        about="Every request carries a bearer token and an HTTP message signature. Creating requests name themselves"
        " with an idempotency key. Work is accepted first and done afterwards; events tell how it went, and bring their"
        " objects whole.",
    ),
    "lite": ContractRules(
        signed=False,
        key_optional=True,
        page=PageLimits(least=1, default=20, most=100),
        event_name_key="event_type",
        about="Every request carries a bearer token. A signature is verified if one is sent. A write may name itself"
        " with an idempotency key. What is created is answered 201, what is removed 204; an event brings the id and the"
        " type of its object.",
    ),
}
"""The rules by contract."""
