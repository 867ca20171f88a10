"""A life that sends most of the statements there are: used to hold the walls between tenants to all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from unittest.mock import patch
from uuid import UUID

import httpx

from openvest.catalog import CONTRACTS, DEAD_LETTER_KINDS, DEAD_LETTERS, FORGET_DEAD_LETTERS, INVARIANTS
from openvest.core.ids import deterministic_id
from openvest.core.signing_keys import generate_ed25519
from openvest.db.unit import Unit
from openvest.declarations import WorkKept
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.instruments import service as instruments
from openvest.features.tenants import service as tenants
from openvest.ledger.audit import prove_tenant
from openvest.ledger.trial import trial_balance
from openvest.main import Assembled
from openvest.server.app import App, make_app
from openvest.server.settings import ServerSettings
from openvest.work import dead_letters
from tests.kit.http import WIRE, Api, make_apis
from tests.kit.operations import OPERATIONS, ask, live_by_http, removing
from tests.kit.orders import Trader, X, make_trader
from tests.kit.receiver import receiving
from tests.kit.sample import Life
from tests.kit.samples import SAMPLES
from tests.kit.webhooks import make_world
from tests.kit.world import SECRETS

Watch = Callable[[httpx.Response], Awaitable[None]]
NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)


async def live(world: Assembled, tenant_id: UUID, app: App | None = None, watch: Watch | None = None) -> None:
    """Trade, ask everything over HTTP, change and remove everything, then tell it. Wants a frozen tenant at rest.

    `watch` is told every answer; `app` serves instead of one made here.
    """
    trader = await make_trader(world, tenant_id, "1000.00")
    await trader.place(cash_amount="250.00")
    resting = await trader.place(quantity="1", order_type="LIMIT", limit_price="90.00")
    await trader.place(quantity="1", order_type="STOP", stop_price="150.00")
    await trader.cancel(resting.id)
    await trader.place(side="SELL", quantity="0.5")
    await trader.place(side="SELL", quantity="1.6729")  # what is left is worth less than a cent
    await trader.advance_to(NOON)
    await world.database.write(tenant_id, _news_of_an_instrument)
    await world.database.write(tenant_id, lambda unit: accounts.close_account(unit, trader.customer.account_id))
    await trader.rest()
    app = app or make_app(
        database=world.database,
        contracts=CONTRACTS,
        wire=WIRE,
        secrets=SECRETS,
        settings=ServerSettings(request_log=False),
        services=world,
    )
    api = await make_apis(app, world.database, tenant_id)
    if watch is not None:
        api.http.event_hooks["response"].append(watch)
    ids = await live_by_http(world, api, tenant_id)
    for sample in SAMPLES.values():
        if sample.lived is not None:
            await sample.lived(Life(world, api, tenant_id, ids))
    await _use_up(world, api, tenant_id, ids)
    await _dead_letters(trader)
    await trader.events()
    await world.database.read(tenant_id, lambda unit: events_of(unit, [resting.id]))
    await world.database.read(tenant_id, trial_balance)
    proof = await prove_tenant(world.database, tenant_id, INVARIANTS)
    told = [one.name for one in proof.findings]
    assert told == ["no_open_work_is_hidden"], f"beside what was set aside the proof tells of {proof.findings}"
    await _tell(world, tenant_id)
    await _replace_credentials(world, tenant_id)


async def _news_of_an_instrument(unit: Unit) -> None:
    """As an import's would be told; orders are looked at for it."""
    instrument = (await instruments.by_isin(unit, [X]))[X]
    unit.emit("INSTRUMENT.DATA_CHANGED", instrument.id, 1, unit.now, instrument)


async def _use_up(world: Assembled, api: Api, tenant_id: UUID, ids: Mapping[str, str]) -> None:
    """Every operation that changes an object, then every one that removes one, from the inside to the outside."""
    # A direct one talks to the outside, which is not connected here.
    changing = [one for one in OPERATIONS if one.method not in ("GET", "DELETE") and one.direct is None]
    worked = 0
    for endpoint in (*changing, *removing()):
        answer = await ask(api, endpoint, ids)
        assert answer.status_code < 500, f"{endpoint.path}: {answer.text}"
        worked += answer.status_code < 300
        await world.runner.drain(tenant_id)
    assert worked > len(changing) / 2
    for verb in ("thaw", "freeze"):
        await api.send("POST", f"/tests/clock/{verb}")


async def _dead_letters(trader: Trader) -> None:
    """Work of every kind is put away and dealt with: an order's for good, the others where there is nothing to find."""
    database, tenant_id, nobody = trader.world.database, trader.customer.tenant_id, deterministic_id("nobody")
    order = await trader.place(quantity="1", order_type="LIMIT", limit_price="80.00")

    async def put_away(unit: Unit) -> None:
        for one in DEAD_LETTER_KINDS:
            row_id = order.id if one.sweep == "orders.expire" else nobody
            await dead_letters.add_dead_letter(unit, one.sweep, one, row_id, ValueError("a fault of the row"))
            for act in (one.drop, one.again):
                if act is not None and row_id == nobody:
                    with suppress(WorkKept):
                        await act(unit, nobody)
        found = await dead_letters.list_dead_letters(unit, DEAD_LETTERS)
        await dead_letters.retry(unit, None, found[0])
        for row in found:
            if row.row_id == order.id:
                await dead_letters.drop(unit, dead_letters.by_sweep(DEAD_LETTER_KINDS)[row.sweep], row, "A. Operator")
        await dead_letters.forget_over(unit, FORGET_DEAD_LETTERS)

    await database.write(tenant_id, put_away)
    assert (await trader.read(order.id)).status == "CANCELLED"


async def _tell(world: Assembled, tenant_id: UUID) -> None:
    """Webhooks that arrive, fail, are repeated and removed. Who reacts to events does so again afterwards."""
    with patch.object(world.database, "before_events", ()):
        await _tell_what_is_made_up(world, tenant_id)


async def _tell_what_is_made_up(world: Assembled, tenant_id: UUID) -> None:
    async with receiving() as receiver:
        told = await make_world(world.database, tenant_id, receiver)
        await told.webhook()
        await told.emit("ORDER.NEW", "ORDER.NEW")
        await told.flow()
        # An event no contract can show is set aside.
        await told.emit("ORDER.FILLED")
        await told.flow()
        await told.deliverer.sender.close()


async def _replace_credentials(world: Assembled, tenant_id: UUID) -> None:
    """A second client that gets another secret, loses its key and is disabled."""
    database = world.database

    async def make(unit: Unit) -> tuple[UUID, UUID]:
        client = await tenants.create_client(unit, contract="v1", scopes="all", name="second")
        return client.client_id, await tenants.add_key(unit, client.client_id, generate_ed25519()[1])

    client_id, key_id = await database.write(tenant_id, make, n=0)
    await database.write(tenant_id, lambda unit: tenants.rotate_secret(unit, client_id), n=0)
    await database.write(tenant_id, lambda unit: tenants.remove_key(unit, key_id), n=0)
    await database.write(tenant_id, lambda unit: tenants.disable_client(unit, client_id), n=0)
