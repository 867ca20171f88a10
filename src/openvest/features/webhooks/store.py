"""SQL of subscriptions and packages. The subscription's row is always locked before its package's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from openvest.db.paging import listing
from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.features.webhooks.model import LeasedPackage, NextLook, Webhook

_WEBHOOK = columns(Webhook)


@dataclass(frozen=True, slots=True)
class WaitingWebhook(Webhook):
    """A subscription that has news above its cursor and nothing in flight. `now` is wire time."""

    cursor_sequence: int
    waiting_since: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a subscription has come."""

    id: UUID
    cursor_sequence: int
    waiting_since: datetime | None
    look_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClosedPackage:
    """A package that is sent as it is from now on."""

    webhook_id: UUID
    first_sequence: int
    last_sequence: int
    events: int
    body: bytes = field(repr=False)
    closed_at: datetime


LISTING = listing("webhooks", Webhook, filters="contract", sorts="created_at updated_at title url enabled")
GET = Query(Webhook, f"select {_WEBHOOK} from webhooks where tenant_id = $1 and id = $2 and contract = $3")
WEBHOOK_FOR_UPDATE = Query(
    Webhook, f"select {_WEBHOOK} from webhooks where tenant_id = $1 and id = $2 and contract = $3 for update"
)
ADD = insert("webhooks", Webhook, also={"cursor_sequence": "0"})
CHANGE = update("webhooks", Webhook, also="look_at = null")
START_AT = Statement("update webhooks set cursor_sequence = $3, waiting_since = null where tenant_id = $1 and id = $2")
DELETE = Statement("delete from webhooks where tenant_id = $1 and id = $2")
DROP_PACKAGE = Statement("delete from webhook_packages where tenant_id = $1 and webhook_id = $2")
RETRY_NOW = Statement(
    "update webhook_packages set next_attempt_at = wire_now(), attempts = 0, failing_since = null"
    " where tenant_id = $1 and webhook_id = $2"
)

WAITING_TENANTS = Query(UUID, "select webhooks_waiting()")
# A claim sees packages as they were when it began: another deliverer may have closed one before the row was locked.
# What decides is therefore read again, of the rows that are held by then.
CLAIM_WAITING = Query(
    UUID,
    """
    select id from webhooks w
     where tenant_id = $1 and enabled and cursor_sequence < $2 and (look_at is null or look_at <= wire_now())
       and not exists (select from webhook_packages p where p.tenant_id = w.tenant_id and p.webhook_id = w.id)
     order by cursor_sequence, id
     limit $3
       for no key update skip locked
    """,
)
WAITING = Query(
    WaitingWebhook,
    f"""
    select {_WEBHOOK}, cursor_sequence, waiting_since, wire_now() as now
      from webhooks w
     where tenant_id = $1 and id = any($2)
       and not exists (select from webhook_packages p where p.tenant_id = w.tenant_id and p.webhook_id = w.id)
     order by cursor_sequence, id
    """,
)
MOVE_CURSORS = update("webhooks", Cursor)
ADD_PACKAGES = insert("webhook_packages", ClosedPackage, also={"next_attempt_at": "t.closed_at"})
LEASE = Query(
    LeasedPackage,
    """
    with fresh as (
      select p.webhook_id from webhook_packages p
       where p.tenant_id = $1 and p.next_attempt_at <= wire_now() and p.attempts = 0
         and (p.leased_until is null or p.leased_until <= wire_now())
       order by p.next_attempt_at, p.webhook_id limit $2 for update skip locked),
    failing as (
      select p.webhook_id from webhook_packages p
       where p.tenant_id = $1 and p.next_attempt_at <= wire_now() and p.attempts > 0
         and (p.leased_until is null or p.leased_until <= wire_now())
       order by p.next_attempt_at, p.webhook_id limit $3 for update skip locked),
    leased as (
      update webhook_packages p set lease_token = $4, leased_until = wire_now() + $5::integer * interval '1 second'
        from (select webhook_id from fresh union all select webhook_id from failing) d
       where p.tenant_id = $1 and p.webhook_id = d.webhook_id
      returning p.webhook_id, p.body, p.first_sequence, p.last_sequence, p.attempts, p.lease_token)
    select l.webhook_id, w.url, l.body, l.first_sequence, l.last_sequence, w.previous_sequence, l.attempts,
           l.lease_token
      from leased l join webhooks w on w.tenant_id = $1 and w.id = l.webhook_id
     order by l.webhook_id
    """,
)
WEBHOOKS_FOR_UPDATE = Query(
    UUID, "select id from webhooks where tenant_id = $1 and id = any($2) order by id for no key update"
)
# What waits since the package closed waits since then at the latest; with nothing new, nothing waits.
ARRIVED = Query(
    UUID,
    """
    with gone as (
      delete from webhook_packages p using unnest($2::uuid[], $3::uuid[]) as t(webhook_id, lease_token)
       where p.tenant_id = $1 and p.webhook_id = t.webhook_id and p.lease_token = t.lease_token
      returning p.webhook_id, p.last_sequence, p.closed_at)
    update webhooks w set previous_sequence = g.last_sequence, look_at = null,
           waiting_since = case when w.cursor_sequence < $4 then g.closed_at end
      from gone g where w.tenant_id = $1 and w.id = g.webhook_id
    returning w.id
    """,
)
FAILED = Query(
    UUID,
    """
    update webhook_packages p set attempts = attempts + 1, last_failure = t.reason, lease_token = null,
           leased_until = null, next_attempt_at = plus_us(wire_now(), t.seconds * 1000000::bigint),
           failing_since = least(failing_since, wire_now())
      from unnest($2::uuid[], $3::uuid[], $4::integer[], $5::text[]) as t(webhook_id, lease_token, seconds, reason)
     where p.tenant_id = $1 and p.webhook_id = t.webhook_id and p.lease_token = t.lease_token
    returning p.webhook_id
    """,
)
NEXT_LOOK = Query(
    NextLook,
    """
    select wire_now() as now, least(
      (select min(coalesce(look_at, wire_now())) from webhooks w
        where tenant_id = $1 and enabled and cursor_sequence < $2
          and not exists (select from webhook_packages p where p.tenant_id = $1 and p.webhook_id = w.id)),
      (select min(greatest(next_attempt_at, coalesce(leased_until, next_attempt_at))) from webhook_packages
        where tenant_id = $1 and case when attempts = 0 then $3::boolean else $4::boolean end)) as at
    """,
)
FAILING_TOO_LONG = Query(
    UUID,
    "select w.id from webhooks w join webhook_packages p on p.tenant_id = w.tenant_id and p.webhook_id = w.id"
    " where w.tenant_id = $1 and p.failing_since < wire_now() - $2::integer * interval '1 day' for update of w",
)
