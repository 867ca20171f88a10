"""Verbs of webhooks: subscribe, change, end; pack what waits, lease it, record what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

from openvest.core.ids import random_id
from openvest.core.paging import Page, PageRequest
from openvest.core.problems import Unavailable
from openvest.core.shown import filled
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.paging import page
from openvest.db.rows import save
from openvest.db.unit import Database, Unit
from openvest.declarations import Caller, Contract
from openvest.events.log import last_sequence
from openvest.events.packages import EventReader, Run, collect, envelope, package_of
from openvest.events.telling import Tellings
from openvest.features.tenants import service as tenants
from openvest.features.webhooks import rules, store
from openvest.features.webhooks.model import LeasedPackage, NewWebhook, NextLook, Outcome, Room, Tried, Webhook
from openvest.ports.webhook_sender import NotSent, WebhookRequest, WebhookSender

BACK_OFF = rules.BACK_OFF
LEASE_SECONDS = rules.LEASE_SECONDS
TEST_EVENT = "WEBHOOK.TEST"
_AT_ONCE = 100

_webhook = filled(
    Webhook, NewWebhook, beside="id contract enabled created_at updated_at", type=lambda new: _once(new.type)
)


async def create_webhook(
    unit: Unit,
    contract: Contract,
    new: NewWebhook,
    allow_list: frozenset[str] = frozenset(),
    *,
    enabled: bool = False,
) -> Webhook:
    """A subscription, switched off unless it is to begin at the present number. `allow_list`: HOST:PORT entries that
    are taken although they are not public.

    Raises: WebhookUrlRefused. Writes: webhooks.

    Why a random id even where time stands still: no event tells of subscriptions, so no log depends on it.
    """
    rules.check_url(new.url, allow_list)
    webhook = _webhook(
        new, id=random_id(unit.now), contract=contract, enabled=enabled, created_at=unit.now, updated_at=unit.now
    )
    await save(unit, store.ADD, webhook)
    await unit.run(store.START_AT, unit.tenant_id, webhook.id, await last_sequence(unit))
    return webhook


async def list_webhooks(unit: Unit, contract: Contract, request: PageRequest) -> Page[Webhook]:
    """Subscriptions of the tenant in one contract: what one has categories for, the other cannot show."""
    return await page(unit, store.LISTING, request, {"contract": contract})


async def get_webhook(unit: Unit, contract: Contract, webhook_id: UUID) -> Webhook:
    """Raises: WebhookNotFound."""
    return await unit.known(rules.WebhookNotFound(webhook_id), store.GET, unit.tenant_id, webhook_id, contract)


async def update_webhook(
    unit: Unit,
    contract: Contract,
    webhook_id: UUID,
    changes: Mapping[str, Any],
    allow_list: frozenset[str] = frozenset(),
) -> Webhook:
    """Change these fields of a webhook. Switching on starts at the present number; switching off drops what waits.

    Another URL is tried at once, whatever the old one's back-off was.
    Raises: WebhookUrlRefused, WebhookNotFound. Writes: webhooks, webhook_packages.
    """
    if "url" in changes:
        rules.check_url(changes["url"], allow_list)
    before = await _held(unit, contract, webhook_id)
    after = replace(before, updated_at=unit.moment_after(before.updated_at), **changes)
    after = replace(after, type=_once(after.type))
    await save(unit, store.CHANGE, after)
    if after.enabled != before.enabled:
        await unit.run(store.START_AT, unit.tenant_id, webhook_id, await last_sequence(unit))
        await unit.run(store.DROP_PACKAGE, unit.tenant_id, webhook_id)
    elif after.url != before.url:
        await unit.run(store.RETRY_NOW, unit.tenant_id, webhook_id)
    return after


async def delete_webhook(unit: Unit, contract: Contract, webhook_id: UUID) -> None:
    """End a subscription with all that waits for it. Raises: WebhookNotFound. Writes: webhooks, webhook_packages."""
    await _held(unit, contract, webhook_id)
    await unit.run(store.DROP_PACKAGE, unit.tenant_id, webhook_id)
    await unit.run(store.DELETE, unit.tenant_id, webhook_id)


async def _held(unit: Unit, contract: Contract, webhook_id: UUID) -> Webhook:
    missing = rules.WebhookNotFound(webhook_id)
    return await unit.known(missing, store.WEBHOOK_FOR_UPDATE, unit.tenant_id, webhook_id, contract)


class WebhookServices(Protocol):
    """What a test of a subscription is handed."""

    @property
    def database(self) -> Database: ...

    @property
    def sender(self) -> WebhookSender | None: ...


async def test_webhook(
    services: WebhookServices, caller: Caller, webhook_id: UUID, show: Callable[[Snapshot], Json]
) -> Tried:
    """Send one signed event that is in no log, once, and say what the endpoint answered, whatever that is.

    Its object is the subscription itself as `show` has it. Raises: WebhookNotFound, Unavailable, WebhookNotReached.
    """

    async def write_request(unit: Unit) -> WebhookRequest:
        webhook = await get_webhook(unit, caller.contract, webhook_id)
        shown = show(snapshot_of(webhook))
        event = envelope(webhook.contract, random_id(unit.now), unit.now, TEST_EVENT, shown, webhook.id)
        key = await tenants.signing_key(unit)
        return WebhookRequest(webhook.url, package_of([event]), key.id, key.private_pem)

    webhook_request = await services.database.read(caller.tenant_id, write_request)
    if services.sender is None:
        raise Unavailable("This process cannot send webhooks.")
    try:
        receipt = await services.sender.send(webhook_request, read_body=True)
    except NotSent as error:
        raise rules.WebhookNotReached(str(error)) from None
    return Tried(webhook_request.url, receipt.status, dict(receipt.headers), receipt.body.decode("utf-8", "replace"))


async def waiting_tenants(database: Database) -> list[UUID]:
    """Tenants that have something to pack or to send now."""
    return await database.ask(store.WAITING_TENANTS)


async def build_packages(unit: Unit, told: Mapping[Contract, Tellings]) -> int:
    """Close what is full or has waited its delay, for a set of subscriptions. Returns how many packages were closed.

    Writes: webhooks, webhook_packages; dead_letters for events that cannot be shown.
    """
    last = await last_sequence(unit)
    claimed = await unit.rows(store.CLAIM_WAITING, unit.tenant_id, last, _AT_ONCE)
    if not claimed:
        return 0
    waiting = await unit.rows(store.WAITING, unit.tenant_id, claimed)
    reader = EventReader(unit, told)
    moved: list[store.Cursor] = []
    closed: list[store.ClosedPackage] = []
    for webhook in waiting:
        reader.forget_before(webhook.cursor_sequence)
        run = await collect(
            reader,
            webhook.cursor_sequence,
            contract=webhook.contract,
            webhook_id=webhook.id,
            types=webhook.type,
            excluded=webhook.exclude_type or (),
            max_size=webhook.max_package_size,
        )
        since = webhook.waiting_since or webhook.now
        if not run.items:
            moved.append(store.Cursor(webhook.id, run.scanned_to, None, None))
        elif run.full or rules.is_due(since, webhook.delay_seconds, webhook.now):
            moved.append(store.Cursor(webhook.id, run.scanned_to, None, None))
            closed.append(_closed(webhook, run))
        else:
            look_at = rules.next_look(since, webhook.delay_seconds, webhook.now)
            moved.append(store.Cursor(webhook.id, run.items[0].sequence - 1, since, look_at))
    await save(unit, store.MOVE_CURSORS, *moved)
    return await save(unit, store.ADD_PACKAGES, *closed)


def _closed(webhook: store.WaitingWebhook, run: Run) -> store.ClosedPackage:
    first, last = run.items[0].sequence, run.items[-1].sequence
    return store.ClosedPackage(webhook.id, first, last, len(run.items), run.body, webhook.now)


async def lease_packages(unit: Unit, room: Room, lease_seconds: int = LEASE_SECONDS) -> list[LeasedPackage]:
    """Packages to try now, for nobody else until the lease ends. Writes: webhook_packages."""
    token = random_id(unit.now)
    return await unit.rows(store.LEASE, unit.tenant_id, room.fresh, room.failing, token, lease_seconds)


async def record_outcomes(
    unit: Unit, outcomes: Sequence[Outcome], back_off: Sequence[int] = rules.BACK_OFF
) -> set[UUID]:
    """What came of attempts. Returns the subscriptions whose lease still held; of the others nothing is written.

    Writes: webhooks, webhook_packages.
    """
    arrived = [outcome.package for outcome in outcomes if outcome.failure is None]
    failed = [
        (package.webhook_id, package.lease_token, rules.wait_seconds(back_off, package.attempts + 1), reason[:500])
        for package, reason in ((outcome.package, outcome.failure) for outcome in outcomes)
        if reason is not None
    ]
    held: list[UUID] = []
    if arrived:
        ids = [package.webhook_id for package in arrived]
        await unit.rows(store.WEBHOOKS_FOR_UPDATE, unit.tenant_id, ids)
        tokens = [package.lease_token for package in arrived]
        held += await unit.rows(store.ARRIVED, unit.tenant_id, ids, tokens, await last_sequence(unit))
    if failed:
        held += await unit.rows(store.FAILED, unit.tenant_id, *map(list, zip(*failed, strict=True)))
    return set(held)


async def next_look(unit: Unit, room: Room) -> NextLook:
    """When this tenant's subscriptions want attention next, as far as there is room for what they would send."""
    last = await last_sequence(unit)
    return await unit.one(store.NEXT_LOOK, unit.tenant_id, last, room.fresh > 0, room.failing > 0)


async def remove_failing(unit: Unit, days: int = rules.FAILING_DAYS) -> list[UUID]:
    """In a sandbox, end subscriptions that failed for so long without one success. Writes: as delete_webhook."""
    if (await tenants.get_tenant(unit)).mode != "sandbox":
        return []
    failing = await unit.rows(store.FAILING_TOO_LONG, unit.tenant_id, days)
    for webhook_id in failing:
        await unit.run(store.DROP_PACKAGE, unit.tenant_id, webhook_id)
        await unit.run(store.DELETE, unit.tenant_id, webhook_id)
    return failing


def _once(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))
