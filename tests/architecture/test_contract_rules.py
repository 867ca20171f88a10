"""What differs between contracts is data: nothing that serves them asks one for its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import openvest.server
from openvest.core.contracts import RULES, Contract

SERVER = Path(str(openvest.server.__file__)).parent


def _named(source: str) -> Iterator[str]:
    """Contracts that the code names; what is said of them in words does not count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in get_args(Contract):
            yield f"line {node.lineno} names {node.value}"


def test_every_contract_has_rules() -> None:
    assert set(RULES) == set(get_args(Contract))
    assert all(rules.page.least <= rules.page.default <= rules.page.most for rules in RULES.values())


def test_the_server_names_no_contract() -> None:
    found = [f"{file.name}: {told}" for file in SERVER.glob("*.py") for told in _named(file.read_text("utf-8"))]
    assert found == []


def test_a_name_is_seen() -> None:
    assert list(_named('if caller.contract == "v1":\n    pass\n')) == ["line 1 names v1"]
    assert list(_named('"""In v1 it is signed."""\n')) == []
