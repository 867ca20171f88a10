"""Webhook subscriptions as lite shows and takes them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.lite import WHOLE, EventCategory, list_lite, list_of
from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, ValidationContext, View
from openvest.core.shown import changed, filled, shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.webhook_urls import MAX_URL_LENGTH
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.webhooks import rules, service
from openvest.features.webhooks.model import NewWebhook, Webhook
from openvest.operations import LITE, Operations

CategoryOrAll = Literal["ALL", EventCategory]
Status = Literal["ACTIVE", "INACTIVE"]
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH, json_schema_extra={"format": "uri"})]
Categories = Annotated[list[CategoryOrAll], Field(min_length=1)]

_URL = "Where packages are posted: https, a DNS name, no redirects."
_CATEGORIES = "Categories of events that are delivered; ALL for every one."
_STATUS = "Whether events are delivered. ACTIVE starts at the present; INACTIVE drops what waits."


class _ToUrl(Body):
    @classmethod
    def field_errors_in(cls, context: ValidationContext, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        return () if body.url is None else rules.url_errors(body.url, context.webhook_allow_list)


class WebhookSubscriptionCreate(_ToUrl):
    """A new subscription."""

    url: Url = Field(description=_URL)
    event_categories: Categories = Field(description=_CATEGORIES)


class WebhookSubscriptionChange(_ToUrl):
    """What is to change; what is left out stays."""

    url: Url | None = Field(default=None, description=_URL)
    event_categories: Categories | None = Field(default=None, description=_CATEGORIES)
    status: Status | None = Field(default=None, description=_STATUS)


class WebhookSubscriptionView(View):
    """A subscription to events."""

    id: Id = Field(description="Id of the subscription.")
    url: Url = Field(description=_URL)
    event_categories: list[CategoryOrAll] = Field(description=_CATEGORIES)
    status: Status = Field(description=_STATUS)
    created_at: Instant = Field(description="When it was made.")


WebhookSubscriptionList = list_of(WebhookSubscriptionView, "subscriptions")


class WebhookTestResponseView(View):
    """What the endpoint answered."""

    status: int = Field(description="HTTP status.")
    headers: dict[str, str] = Field(description="Headers by name.")
    body: str = Field(description="The body as text, cut off after 64 KiB.")


class WebhookTestView(View):
    """One test delivery and what came back."""

    url: Url = Field(description="Where it was sent.")
    response: WebhookTestResponseView = Field(description="What the endpoint answered.")


webhook_lite = shown(
    WebhookSubscriptionView,
    Webhook,
    event_categories="type",
    status=lambda webhook: "ACTIVE" if webhook["enabled"] else "INACTIVE",
)
_new = filled(
    NewWebhook,
    WebhookSubscriptionCreate,
    title=lambda _: "lite",
    type="event_categories",
    exclude_type=lambda _: None,
    delay_seconds=lambda _: rules.DEFAULT_DELAY_SECONDS,
    max_package_size=lambda _: rules.DEFAULT_PACKAGE_SIZE,
)
_change = changed(
    Webhook,
    WebhookSubscriptionChange,
    without="event_categories status",
    type=lambda body: body.event_categories,
    enabled=lambda body: None if body.status is None else body.status == "ACTIVE",
)


async def list_webhook_subscriptions(unit: Unit, call: Call) -> Json:
    """List webhook subscriptions."""
    return list_lite(await service.list_webhooks(unit, call.caller.contract, WHOLE), webhook_lite)


async def create_webhook_subscription(unit: Unit, call: Call) -> Json:
    """Subscribe to events from now on."""
    contract, new = call.caller.contract, _new(call.body)
    made = await service.create_webhook(unit, contract, new, call.webhook_allow_list, enabled=True)
    return webhook_lite(snapshot_of(made))


async def retrieve_webhook_subscription(unit: Unit, call: Call) -> Json:
    """Show a webhook subscription."""
    return webhook_lite(snapshot_of(await service.get_webhook(unit, call.caller.contract, call.path["webhook_id"])))


async def update_webhook_subscription(unit: Unit, call: Call) -> Json:
    """Change a webhook subscription, make it active or inactive."""
    contract, webhook_id, change = call.caller.contract, call.path["webhook_id"], _change(call.body)
    changed = await service.update_webhook(unit, contract, webhook_id, change, call.webhook_allow_list)
    return webhook_lite(snapshot_of(changed))


async def delete_webhook_subscription(unit: Unit, call: Call) -> Json:
    """End a webhook subscription and drop what waits for it."""
    await service.delete_webhook(unit, call.caller.contract, call.path["webhook_id"])


def _named(webhook: Snapshot) -> Json:
    return {"id": webhook["id"], "type": "WEBHOOK"}


async def test_webhook_subscription(services: service.WebhookServices, call: Call) -> Json:
    """Send one test event now and show what the endpoint answered."""
    tried = await service.test_webhook(services, call.caller, call.path["webhook_id"], _named)
    return {"url": tried.url, "response": {"status": tried.status, "headers": tried.headers, "body": tried.body}}


WEBHOOKS = Operations(LITE, "Webhook Subscriptions", "webhooks")
_WEBHOOK = "/webhooks/{webhook_id}"

ENDPOINTS: list[Endpoint] = [
    WEBHOOKS.lists("/webhooks", list_webhook_subscriptions, WebhookSubscriptionList),
    WEBHOOKS.creates(
        "/webhooks", create_webhook_subscription, WebhookSubscriptionView, body=WebhookSubscriptionCreate,
        advances_clock=False,
    ),
    WEBHOOKS.reads(_WEBHOOK, retrieve_webhook_subscription, WebhookSubscriptionView),
    WEBHOOKS.changes(
        _WEBHOOK, update_webhook_subscription, WebhookSubscriptionView, body=WebhookSubscriptionChange,
        advances_clock=False,
    ),
    WEBHOOKS.deletes(_WEBHOOK, delete_webhook_subscription, advances_clock=False),
    WEBHOOKS.acts(
        f"{_WEBHOOK}/test", answer=WebhookTestView, direct=test_webhook_subscription, errors=(422,), addition=True
    ),
]  # fmt: skip
