"""What tests know of subscriptions."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.db.unit import Unit
from openvest.features.webhooks import service as webhooks
from openvest.features.webhooks.model import NewWebhook
from tests.kit.sample import Life, Sample


async def _a_subscription(life: Life) -> Mapping[str, str]:
    webhook = await life.post("/webhooks", {"title": "mine", "url": "https://example.com/hook"})
    return {"webhook_id": webhook["id"]}


async def _many(life: Life, count: int) -> None:
    async def webhook(unit: Unit, number: int) -> None:
        new = NewWebhook(f"{number}", "https://example.com/hook", ["ALL"], None, 1, 65_536)
        await webhooks.create_webhook(unit, "v1", new)

    await life.write_many(webhook, count // 10)


SAMPLE = Sample(
    bodies={
        "POST /webhooks": {"title": "another", "url": "https://example.com/another"},
        "PATCH /webhooks/{webhook_id}": {"enabled": False},
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
    open_maps=frozenset({"WebhookTestResponse.headers"}),
    no_rows={"webhook_packages": "made by the worker that delivers, which does not run here"},
    refused_changes=("webhooks cursor_sequence = -1",),
)
