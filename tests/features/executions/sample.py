"""What tests know of executions, their settlement and what is left of shares."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.faults.crash.load import order_body
from tests.kit.sample import Sample, an_order

if TYPE_CHECKING:
    from tests.gates.pauses import Field


async def _dust(field: Field, number: int) -> None:
    """What is worth no cent, in an account that is to be closed."""
    person = await field.active_one(f"Dusty{number}")
    chance = random.Random(f"{field.load.seed} dust {number}")
    money = {"account_group_id": person.group_id, "cash_amount": "1.00", "currency": "EUR"}
    await field.load.settle(chance, "topup", "POST", "/payments/topups", money)
    body = {name: text for name, text in order_body(chance, person, True).items() if name != "cash_amount"}
    order_id = await field.load.settle(chance, "order", "POST", "/orders", {**body, "quantity": "0.00004"})
    await field.shows(f"/orders/{order_id}", "FILLED")
    await field.steps.send("DELETE", f"/accounts/{person.account_id}")


SAMPLE = Sample(
    whole={
        "GET /orders/{order_id}/executions/{execution_id} taxes": (
            "what one object has, and the contract gives it no pages"
        ),
    },
    occasions={"executions.settle": an_order, "executions.clean_dust": _dust},
    never_stopped={
        "executions.settle_blocks": (
            "blocks need a venue in session and days until they settle, which a clock of wall time does not give"
        ),
    },
    no_rows={
        "block_trades": "what is bought for many at once has no owner before it is allocated",
        "fraction_reserves": "the house's own",
    },
    refused_changes=(
        "executions quantity = 0",
        "executions price = 0",
        "executions cash_amount = -1",
        "fraction_reserves reserved = -1",
    ),
)
