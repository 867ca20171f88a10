"""Gates cover a second contract that is served beside the first, and name it nowhere."""

from __future__ import annotations

import pytest

from tests.gates.catalog import GATES
from tests.gates.scratch import run_gate, tree
from tests.kit.contracts import SERVED
from tests.resources.lite import payments, tenants

pytestmark = pytest.mark.anyio
LITE = (*tenants.ENDPOINTS, *payments.ENDPOINTS)


@pytest.mark.parametrize("key", ["declared", "R35"])
async def test_gates_cover_the_operations_of_a_second_contract(key: str) -> None:
    """In a copy of the tree in which only those files are others."""
    with tree(lite=True) as root:
        told = await run_gate(GATES[key], "push", 20_260_302, root=root)
    assert told["passed"], "\n".join([told["figure"], *told["findings"]])
    assert told["figure"].startswith(f"{len(SERVED) + len(LITE)} operations")
