"""What is listed of payments is what the reference lists; that it is reached is the gate `payments`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.gates.payments import BALANCES, LISTED, RESOURCES
from tests.kit.stage import ROOT

MACHINE = ROOT.parent / "shared" / "reference" / "v1" / "machine"
Json = Any


def test_the_list_is_that_of_the_reference() -> None:
    if not MACHINE.exists():
        pytest.skip("no reference beside the repository")
    states = yaml.safe_load((MACHINE / "states.yaml").read_text(encoding="utf-8"))["resources"]
    expected = [fact for resource in RESOURCES for fact in _expected(resource, states[resource])]
    assert [fact for fact in LISTED if not fact.startswith(BALANCES)] == expected
    families = yaml.safe_load((MACHINE / "events.yaml").read_text(encoding="utf-8"))["families"]
    of_payments = {name for resource in RESOURCES for name in families.get(resource.upper(), {"types": {}})["types"]}
    assert of_payments <= {fact.rpartition(" ")[2] for fact in LISTED}
    booked = {fact.rpartition(" ")[2] for fact in LISTED if fact.startswith("cash_transaction")}
    assert booked <= {*states["cash_transaction"]["made_by_platform"]["type"]}


def _expected(resource: str, states: Json) -> Iterator[str]:
    for move in states["moves"]:
        if states["status"]:
            yield f"{resource}: {move['from'] or '-'} > {move['to']} {move['event']}"
        else:
            yield f"{resource}: {move['event'] if 'event' in move else move['by'][0]}"
    for name, reasons in states.get("reasons", {}).items():
        if isinstance(reasons, dict):
            yield from (f"{resource}: {name.partition('.')[2]} {reason}" for reason in reasons)
