"""What the catalog serves, over all contracts: tests name no contract's operations, so new ones are held to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openvest.catalog import CONTRACTS
from openvest.declarations import Contract, Endpoint
from openvest.server.openapi import describe

SERVED: Sequence[Endpoint] = tuple(endpoint for table in CONTRACTS.values() for endpoint in table)
"""Every operation of every contract."""


def contract_of(endpoint: Endpoint) -> Contract:
    """The contract that has this operation."""
    return next(contract for contract, table in CONTRACTS.items() if any(one is endpoint for one in table))


def descriptions(contracts: Mapping[Contract, Sequence[Endpoint]] = CONTRACTS) -> dict[Contract, dict[str, Any]]:
    """What each contract that has operations describes."""
    return {contract: describe(table, contract, "test") for contract, table in contracts.items() if table}


def whole_description(contracts: Mapping[Contract, Sequence[Endpoint]] = CONTRACTS) -> dict[str, Any]:
    """All of them as one, by path; what two contracts have under one name must be the same in both."""
    whole: dict[str, Any] = {}
    for one in descriptions(contracts).values():
        _take_in(whole, {name: one[name] for name in ("openapi", "paths", "components")}, "")
    return whole


def _take_in(whole: dict[str, Any], more: Mapping[str, Any], at: str) -> None:
    for name, part in more.items():
        known = whole.setdefault(name, part)
        if known is not part and isinstance(known, dict) and isinstance(part, dict):
            whole[name] = known = dict(known)
            _take_in(known, part, f"{at}/{name}")
        assert known == part or isinstance(known, dict), f"{at}/{name} differs between contracts"
