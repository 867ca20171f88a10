"""Webhook subscriptions as v1 shows and takes them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, ValidationContext, View
from openvest.core.shown import changed, filled, shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.texts import visible_line
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.core.webhook_urls import MAX_URL_LENGTH
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.webhooks import rules, service
from openvest.features.webhooks.model import Category, NewWebhook, Webhook
from openvest.operations import V1, Operations

CategoryOrAll = Literal["ALL", Category]
Title = Annotated[str, Field(pattern=rules.TITLE_PATTERN), AfterValidator(visible_line)]
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH, json_schema_extra={"format": "url"})]
Delay = Annotated[str, Field(pattern=rules.DELAY_PATTERN)]
PackageSize = Annotated[int, Field(ge=rules.SMALLEST_PACKAGE, le=rules.LARGEST_PACKAGE)]
Categories = Annotated[list[CategoryOrAll], Field(min_length=1)]

_TITLE = "Name of the subscription for your own use."
_URL = "Where packages are posted: https, a DNS name, no redirects."
_TYPE = "Categories of events that are delivered; ALL for every one."
_EXCLUDE = "Categories that are left out where type is ALL; without effect elsewhere."
_DELAY = (
    f"How long a package may wait to be filled, counted from its oldest event. Default {rules.DEFAULT_DELAY_SECONDS}s."
)
_SIZE = f"Bytes a package may have; a single larger event travels alone. Default {rules.DEFAULT_PACKAGE_SIZE}."
_ENABLED = "Whether events are delivered. Switching on starts at the present; switching off drops what waits."
_READ_ONLY = "Cannot be changed; taken so that a whole webhook can be sent back, and not looked at."


class PackageConfigChange(Body):
    """How packages are collected."""

    delay: Delay | None = Field(default=None, description=_DELAY)
    max_package_size: PackageSize | None = Field(default=None, description=_SIZE)


class _ToUrl(Body):
    @classmethod
    def field_errors_in(cls, context: ValidationContext, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        return () if body.url is None else rules.url_errors(body.url, context.webhook_allow_list)


class WebhookCreate(_ToUrl):
    """A new subscription."""

    title: Title = Field(description=_TITLE)
    url: Url = Field(description=_URL)
    type: Categories = Field(default=["ALL"], description=_TYPE)
    exclude_type: list[Category] | None = Field(default=None, description=_EXCLUDE)
    config: PackageConfigChange | None = Field(default=None, description="How packages are collected.")


class WebhookChange(_ToUrl):
    """What is to change; what is left out stays."""

    id: Id | None = Field(default=None, description=_READ_ONLY)
    created_at: Instant | None = Field(default=None, description=_READ_ONLY)
    updated_at: Instant | None = Field(default=None, description=_READ_ONLY)
    title: Title | None = Field(default=None, description=_TITLE)
    url: Url | None = Field(default=None, description=_URL)
    enabled: bool | None = Field(default=None, description=_ENABLED)
    type: Categories | None = Field(default=None, description=_TYPE)
    exclude_type: list[Category] | None = Field(default=None, description=_EXCLUDE)
    config: PackageConfigChange | None = Field(default=None, description="How packages are collected.")


class PackageConfigView(View):
    """How packages are collected."""

    delay: Delay = Field(description=_DELAY)
    max_package_size: PackageSize = Field(description=_SIZE)


class WebhookView(View):
    """A subscription to events."""

    id: Id = Field(description="Id of the subscription.")
    created_at: Instant = Field(description="When it was made.")
    updated_at: Instant = Field(description="When it was last changed.")
    title: Annotated[str, Field(max_length=100)] = Field(description=_TITLE)
    url: Url = Field(description=_URL)
    enabled: bool = Field(description=_ENABLED)
    type: list[CategoryOrAll] = Field(description=_TYPE)
    exclude_type: list[Category] | None = Field(default=None, description=_EXCLUDE)
    config: PackageConfigView = Field(description="How packages are collected.")


WebhookPage = page_of(WebhookView, "subscriptions")


class WebhookTestResponseView(View):
    """What the endpoint answered."""

    status: int = Field(description="HTTP status.")
    headers: dict[str, str] = Field(description="Headers by name.")
    body: str = Field(description="The body as text, cut off after 64 KiB.")


class WebhookTestView(View):
    """One test delivery and what came back."""

    url: Url = Field(description="Where it was sent.")
    response: WebhookTestResponseView = Field(description="What the endpoint answered.")


class WebhookQuery(PageQuery):
    """Order of the list."""

    sort: Literal["created_at", "updated_at", "title", "url", "enabled"] = Field(
        default="created_at", description="Field the list is ordered by."
    )


def _config(webhook: Snapshot) -> Json:
    return {"delay": f"{webhook['delay_seconds']}s", "max_package_size": webhook["max_package_size"]}


def _seconds(body: WebhookCreate | WebhookChange) -> int | None:
    return int(body.config.delay[:-1]) if body.config and body.config.delay else None


def _size(body: WebhookCreate | WebhookChange) -> int | None:
    return body.config.max_package_size if body.config else None


webhook_v1 = shown(WebhookView, Webhook, config=_config)
_new = filled(
    NewWebhook,
    WebhookCreate,
    delay_seconds=lambda body: _seconds(body) or rules.DEFAULT_DELAY_SECONDS,
    max_package_size=lambda body: _size(body) or rules.DEFAULT_PACKAGE_SIZE,
)
_change = changed(
    Webhook, WebhookChange, without="id created_at updated_at config", delay_seconds=_seconds, max_package_size=_size
)


async def create_webhook(unit: Unit, call: Call) -> Json:
    """Subscribe to events; the subscription starts switched off."""
    new = _new(call.body)
    made = await service.create_webhook(unit, call.caller.contract, new, call.webhook_allow_list)
    return webhook_v1(snapshot_of(made))


async def list_webhooks(unit: Unit, call: Call) -> Json:
    """List webhook subscriptions."""
    found = await service.list_webhooks(unit, call.caller.contract, call.query.page_request)
    return page_v1(found, webhook_v1)


async def retrieve_webhook(unit: Unit, call: Call) -> Json:
    """Show a webhook subscription."""
    return webhook_v1(snapshot_of(await service.get_webhook(unit, call.caller.contract, call.path["webhook_id"])))


async def update_webhook(unit: Unit, call: Call) -> Json:
    """Change a webhook subscription, switch it on or off."""
    contract, webhook_id, change = call.caller.contract, call.path["webhook_id"], _change(call.body)
    changed = await service.update_webhook(unit, contract, webhook_id, change, call.webhook_allow_list)
    return webhook_v1(snapshot_of(changed))


async def delete_webhook(unit: Unit, call: Call) -> Json:
    """End a webhook subscription and drop what waits for it."""
    await service.delete_webhook(unit, call.caller.contract, call.path["webhook_id"])


async def test_webhook(services: service.WebhookServices, call: Call) -> Json:
    """Send one test event now and show what the endpoint answered."""
    tried = await service.test_webhook(services, call.caller, call.path["webhook_id"], webhook_v1)
    return {"url": tried.url, "response": {"status": tried.status, "headers": tried.headers, "body": tried.body}}


WEBHOOKS = Operations(V1, "Webhooks", "webhooks")

ENDPOINTS: list[Endpoint] = [
    WEBHOOKS.lists("/webhooks", list_webhooks, WebhookPage, query=WebhookQuery),
    WEBHOOKS.creates(
        "/webhooks", create_webhook, WebhookView, body=WebhookCreate, status=201, key_required=False,
        advances_clock=False,
    ),
    WEBHOOKS.reads("/webhooks/{webhook_id}", retrieve_webhook, WebhookView),
    WEBHOOKS.changes(
        "/webhooks/{webhook_id}", update_webhook, WebhookView, body=WebhookChange, advances_clock=False
    ),
    WEBHOOKS.deletes("/webhooks/{webhook_id}", delete_webhook, advances_clock=False),
    WEBHOOKS.acts("/webhooks/{webhook_id}/test", answer=WebhookTestView, direct=test_webhook, errors=(422,)),
]  # fmt: skip
