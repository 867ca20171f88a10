"""When packages close, how long failures wait, what a title and a delay look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from openvest.core.problems import FieldError, InvalidRequest, NotFound, Unprocessable
from openvest.core.webhook_urls import parse_target

TITLE_PATTERN = r"^[a-zA-Z0-9 ()\[\]{}.-]{1,32}$"
DELAY_PATTERN = r"^([1-9]|[12][0-9]|30)s$"
SMALLEST_PACKAGE, LARGEST_PACKAGE = 100, 1_048_576

DEFAULT_DELAY_SECONDS = 1
DEFAULT_PACKAGE_SIZE = 65_536
"""Why: below what common web frameworks accept as a body without being told. Units: bytes."""

BACK_OFF: Sequence[int] = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 600)
"""Waits after the first, second … failure; the last one for ever. Units: seconds.

Source: reference (webhooks); RELIABILITY.md R23."""

LEASE_SECONDS = 15
"""An attempt takes at most 10 s; who has not recorded by then is taken for dead. Source: RELIABILITY.md R3."""

FAILING_DAYS = 30

_LOOKS_PER_DELAY = 8


class WebhookNotFound(NotFound):
    """No subscription of this tenant has the id."""

    def __init__(self, webhook_id: UUID) -> None:
        super().__init__(f"There is no webhook {webhook_id}.")


class WebhookUrlRefused(InvalidRequest):
    """The URL is not one that webhooks may go to."""


class WebhookNotReached(Unprocessable):
    """A test got no answer from the endpoint."""


def url_errors(url: str, allowed: frozenset[str]) -> list[FieldError]:
    """What is wrong with where a webhook shall go."""
    try:
        parse_target(url, allowed)
    except ValueError as error:
        return [FieldError("url", str(error))]
    return []


def check_url(url: str, allowed: frozenset[str]) -> None:
    """Raises: WebhookUrlRefused."""
    errors = url_errors(url, allowed)
    if errors:
        raise WebhookUrlRefused(f"The URL of a webhook {errors[0].message}.", errors=errors)


def wait_seconds(back_off: Sequence[int], failures: int) -> int:
    """How long to wait after so many failures in a row. Units: seconds."""
    return back_off[min(failures, len(back_off)) - 1]


def is_due(waiting_since: datetime, delay_seconds: int, now: datetime) -> bool:
    return waiting_since + timedelta(seconds=delay_seconds) <= now


def next_look(waiting_since: datetime, delay_seconds: int, now: datetime) -> datetime:
    """When to look again at an open package: at its delay's end, and a few times before in case it is full."""
    delay = timedelta(seconds=delay_seconds)
    return min(waiting_since + delay, now + delay / _LOOKS_PER_DELAY)
