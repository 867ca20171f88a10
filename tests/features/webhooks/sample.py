"""What tests know of subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.webhooks import service as webhooks
from openvest.features.webhooks.model import NewWebhook
from tests.kit.sample import Ask, Asked, Life, Sample


def _new(title: str) -> NewWebhook:
    return NewWebhook(title, "https://example.com/hook", ["ALL"], None, 1, 65_536)


async def _a_subscription(life: Life) -> Mapping[str, str]:
    webhook = await life.post("/webhooks", {"title": "mine", "url": "https://example.com/hook"})
    new = {"url": "https://example.com/hook", "event_categories": ["ALL"]}
    lite = await life.of("lite").post("/webhooks", new)
    return {"webhook_id": webhook["id"], "lite webhook_id": lite["id"]}


async def _many(life: Life, count: int) -> None:
    async def webhook(unit: Unit, number: int) -> None:
        await webhooks.create_webhook(unit, "v1", _new(f"{number}"))

    await life.write_many(webhook, count // 10)


async def _lite_new(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({}).also(url=f"https://example.com/{number}") for number in range(count)]


async def _lite_ones(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    async def made(unit: Unit) -> Sequence[Asked]:
        ones = [await webhooks.create_webhook(unit, "lite", _new(f"{number}"), enabled=True) for number in range(count)]
        return [ask({"webhook_id": str(one.id)}) for one in ones]

    return await database.write(tenant_id, made, n=0)


SAMPLE = Sample(
    bodies={
        "POST /webhooks": {"title": "another", "url": "https://example.com/another"},
        "PATCH /webhooks/{webhook_id}": {"enabled": False},
        "lite POST /webhooks": {"url": "https://example.com/another", "event_categories": ["ORDER", "EXECUTION"]},
        "lite PATCH /webhooks/{webhook_id}": {"status": "INACTIVE"},
    },
    makers={
        "lite POST /webhooks": _lite_new,
        "lite PATCH /webhooks/{webhook_id}": _lite_ones,
        "lite DELETE /webhooks/{webhook_id}": _lite_ones,
    },
    objects=_a_subscription,
    many=_many,
    texts=frozenset({"delay", "title"}),
    no_names=frozenset({"url"}),
    whose={"id": "webhook_id"},
    takes_any={
        "PATCH /webhooks/{webhook_id} body id": (
            "echoed by clients and not looked at; the path names the subscription"
        ),
    },
    unkeyed={
        "POST /webhooks": "the contract lists no key; a subscription more is seen in the list and can be removed",
        "POST /webhooks/{webhook_id}/test": "tells an endpoint something that means nothing",
    },
    not_asked={"POST /webhooks/{webhook_id}/test": "talks to the outside, which is not connected"},
    whole={"lite GET /webhooks data": "a client firm has a few subscriptions, one for each of its receivers"},
    open_maps=frozenset({"WebhookTestResponse.headers"}),
    no_rows={"webhook_packages": "made by the worker that delivers, which does not run here"},
    refused_changes=("webhooks cursor_sequence = -1",),
)
