"""Webhook subscriptions as v1 shows and takes them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import AfterValidator, Field

from openvest.core.clock import instant
from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, ValidationContext, View
from openvest.core.snapshots import Json
from openvest.core.texts import visible_line
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.core.webhook_urls import MAX_URL_LENGTH
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint
from openvest.features.webhooks import model, service
from openvest.features.webhooks.model import Category, NewWebhook, Webhook
from openvest.features.webhooks.rules import (
    DEFAULT_DELAY_SECONDS,
    DEFAULT_PACKAGE_SIZE,
    DELAY_PATTERN,
    LARGEST_PACKAGE,
    SMALLEST_PACKAGE,
    TITLE_PATTERN,
    url_errors,
)
from openvest.ports.webhook_sender import WebhookRequest, WebhookSender

CategoryOrAll = Literal["ALL"] | Category
Title = Annotated[str, Field(pattern=TITLE_PATTERN), AfterValidator(visible_line)]
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH, json_schema_extra={"format": "url"})]
Delay = Annotated[str, Field(pattern=DELAY_PATTERN)]
PackageSize = Annotated[int, Field(ge=SMALLEST_PACKAGE, le=LARGEST_PACKAGE)]
Categories = Annotated[list[CategoryOrAll], Field(min_length=1)]

_TITLE = "Name of the subscription for your own use."
_URL = "Where packages are posted: https, a DNS name, no redirects."
_TYPE = "Categories of events that are delivered; ALL for every one."
_EXCLUDE = "Categories that are left out where type is ALL; without effect elsewhere."
_DELAY = f"How long a package may wait to be filled, counted from its oldest event. Default {DEFAULT_DELAY_SECONDS}s."
_SIZE = f"Bytes a package may have; a single larger event travels alone. Default {DEFAULT_PACKAGE_SIZE}."
_ENABLED = "Whether events are delivered. Switching on starts at the present; switching off drops what waits."
_READ_ONLY = "Cannot be changed; taken so that a whole webhook can be sent back, and not looked at."


class PackageConfigChange(Body):
    """How packages are collected."""

    delay: Delay | None = Field(default=None, description=_DELAY)
    max_package_size: PackageSize | None = Field(default=None, description=_SIZE)


class WebhookCreate(Body):
    """A new subscription."""

    title: Title = Field(description=_TITLE)
    url: Url = Field(description=_URL)
    type: Categories = Field(default=["ALL"], description=_TYPE)
    exclude_type: list[Category] | None = Field(default=None, description=_EXCLUDE)
    config: PackageConfigChange | None = Field(default=None, description="How packages are collected.")

    @classmethod
    def field_errors_in(cls, context: ValidationContext, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        return () if body.url is None else url_errors(body.url, context.webhook_allow_list)


class WebhookChange(Body):
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

    @classmethod
    def field_errors_in(cls, context: ValidationContext, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        return () if body.url is None else url_errors(body.url, context.webhook_allow_list)


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


def webhook_v1(webhook: Webhook) -> Json:
    """A subscription as v1 shows it."""
    shown: dict[str, Any] = {
        "id": str(webhook.id),
        "created_at": instant(webhook.created_at),
        "updated_at": instant(webhook.updated_at),
        "title": webhook.title,
        "url": webhook.url,
        "enabled": webhook.enabled,
        "type": webhook.type,
    }
    if webhook.exclude_type is not None:
        shown["exclude_type"] = webhook.exclude_type
    shown["config"] = {"delay": f"{webhook.delay_seconds}s", "max_package_size": webhook.max_package_size}
    return shown


def _seconds(delay: str | None) -> int | None:
    return None if delay is None else int(delay[:-1])


async def create_webhook(unit: Unit, call: Call) -> Json:
    body: WebhookCreate = call.body
    config = body.config or PackageConfigChange()
    new = NewWebhook(
        call.caller.contract,
        body.title,
        body.url,
        list(body.type),
        None if body.exclude_type is None else list(body.exclude_type),
        _seconds(config.delay),
        config.max_package_size,
    )
    return webhook_v1(await service.create_webhook(unit, new, call.webhook_allow_list))


async def list_webhooks(unit: Unit, call: Call) -> Json:
    found = await service.list_webhooks(unit, call.query.page_request)
    return page_v1(found, [webhook_v1(webhook) for webhook in found.rows])


async def retrieve_webhook(unit: Unit, call: Call) -> Json:
    return webhook_v1(await service.get_webhook(unit, _id(call)))


async def update_webhook(unit: Unit, call: Call) -> Json:
    body: WebhookChange = call.body
    config = body.config or PackageConfigChange()
    change = model.WebhookChange(
        body.title,
        body.url,
        body.enabled,
        None if body.type is None else list(body.type),
        None if body.exclude_type is None else list(body.exclude_type),
        _seconds(config.delay),
        config.max_package_size,
    )
    changed = await service.update_webhook(unit, _id(call), change, call.webhook_allow_list)
    return webhook_v1(changed)


async def delete_webhook(unit: Unit, call: Call) -> Json:
    await service.delete_webhook(unit, _id(call))
    return None


class WebhookServices(Protocol):
    """What a test of a subscription is handed."""

    @property
    def database(self) -> Database: ...

    @property
    def sender(self) -> WebhookSender | None: ...


async def test_webhook(services: WebhookServices, call: Call) -> Json:
    async def write_request(unit: Unit) -> WebhookRequest:
        webhook = await service.get_webhook(unit, _id(call))
        return await service.test_request(unit, webhook, webhook_v1(webhook))

    webhook_request = await services.database.read(call.caller.tenant_id, write_request)
    receipt = await service.send_test(services.sender, webhook_request)
    text = receipt.body.decode("utf-8", "replace")
    response = {"status": receipt.status, "headers": dict(receipt.headers), "body": text}
    return {"url": webhook_request.url, "response": response}


def _id(call: Call) -> UUID:
    return call.path["webhook_id"]


_READ = ("webhooks:read", "webhooks:admin")
_ADMIN = ("webhooks:admin",)
_ONE = "/webhooks/{webhook_id}"

ENDPOINTS: list[Endpoint] = [
    Endpoint(
        "GET",
        "/webhooks",
        "list_webhooks",
        "List webhook subscriptions",
        "Webhooks",
        _READ,
        WebhookPage,
        list_webhooks,
        query=WebhookQuery,
        errors=(400,),
    ),
    Endpoint(
        "POST",
        "/webhooks",
        "create_webhook",
        "Subscribe to events; the subscription starts switched off",
        "Webhooks",
        _ADMIN,
        WebhookView,
        create_webhook,
        body=WebhookCreate,
        status=201,
        errors=(400,),
        advances_clock=False,
    ),
    Endpoint(
        "GET",
        _ONE,
        "retrieve_webhook",
        "Show a webhook subscription",
        "Webhooks",
        _READ,
        WebhookView,
        retrieve_webhook,
        errors=(404,),
    ),
    Endpoint(
        "PATCH",
        _ONE,
        "update_webhook",
        "Change a webhook subscription, switch it on or off",
        "Webhooks",
        _ADMIN,
        WebhookView,
        update_webhook,
        body=WebhookChange,
        errors=(400, 404),
        advances_clock=False,
    ),
    Endpoint(
        "DELETE",
        _ONE,
        "delete_webhook",
        "End a webhook subscription and drop what waits for it",
        "Webhooks",
        _ADMIN,
        None,
        delete_webhook,
        status=204,
        errors=(404,),
        advances_clock=False,
    ),
    Endpoint(
        "POST",
        f"{_ONE}/test",
        "test_webhook",
        "Send one test event now and show what the endpoint answered",
        "Webhooks",
        _ADMIN,
        WebhookTestView,
        direct=test_webhook,
        errors=(404, 422),
    ),
]
