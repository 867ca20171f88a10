"""Random payments in small; `make payments` is the same with 20,000 of 200 groups."""

from __future__ import annotations

import pytest

from openvest.main import Assembled
from tests.stateful.payments import run

pytestmark = pytest.mark.anyio


async def test_random_payments_come_out_as_a_plain_sum_says(assembled: Assembled) -> None:
    figures = await run(assembled, 100, 4, seed=13, days=3)
    for kind in ("withdrawal taken back", "direct debit taken back", "transfer recalled", "stray recalled"):
        assert kind in figures
