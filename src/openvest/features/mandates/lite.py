"""Mandates as lite shows them: all of a tenant, given for an account group, the revoked ones among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from openvest.core.lite import EventObjectView, PageQuery, event_object, page_lite, page_of
from openvest.core.schema import Body, Id, Instant, View
from openvest.core.schema_payments import Bic, Iban, MaskedIban
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.mandates import rules, service
from openvest.features.mandates.model import Mandate, MandateStatus, NewMandate
from openvest.operations import LITE, Operations


class MandateCreate(Body):
    """The consent of a group's owner to be collected from."""

    account_group_id: Id = Field(description="The account group that is funded; its owner consents now.")
    iban: Iban = Field(description="IBAN of the account, of any registered country; more than 30 characters are taken.")
    bic: Bic = Field(description="BIC of its bank.")


class MandateView(View):
    """A holder's consent to be collected from."""

    id: Id = Field(description="Id of the mandate.")
    account_group_id: Id | None = Field(
        default=None,
        description="The account group it was given for; left out where it serves all of its user.",
    )
    iban: MaskedIban = Field(description="IBAN of the account that is collected from, masked.")
    status: MandateStatus = Field(description="REVOKED once it is revoked, or nothing was collected for 36 months.")
    created_at: Instant = Field(description="When it was registered.")


MandatePage = page_of(MandateView, "mandates")


@dataclass(frozen=True, slots=True)
class DatedMandate(Mandate):
    """A mandate as it stands on the day it is shown."""

    status: MandateStatus


_dated = filled(DatedMandate, Mandate, beside="status")
mandate_lite = shown(MandateView, DatedMandate)
_new_mandate = filled(NewMandate, MandateCreate, beside="user_id business_id confirmed_at")


def _today(unit: Unit, mandate: Mandate) -> DatedMandate:
    return _dated(mandate, status=rules.status_on(mandate, unit.now.date()))


async def create_mandate(unit: Unit, call: Call) -> Json:
    """Register the mandate of a group's owner."""
    group = await accounts.get_account_group(unit, call.body.account_group_id)
    new = _new_mandate(call.body, user_id=group.user_id, business_id=None, confirmed_at=unit.now)
    return mandate_lite(snapshot_of(_today(unit, await service.create_mandate(unit, new))))


async def list_mandates(unit: Unit, call: Call) -> Json:
    """List mandates."""
    found = await service.list_mandates(unit, call.query.page_request)
    return page_lite(found.of([_today(unit, mandate) for mandate in found.rows]), mandate_lite)


async def retrieve_mandate(unit: Unit, call: Call) -> Json:
    """Get a mandate."""
    mandate = await service.get_mandate(unit, call.path["mandate_id"], revoked_too=True)
    return mandate_lite(snapshot_of(_today(unit, mandate)))


async def delete_mandate(unit: Unit, call: Call) -> Json:
    """Revoke a mandate."""
    await service.revoke_mandate(unit, call.path["mandate_id"])


MANDATES = Operations(LITE, "Mandates", "mandates", readers=("admin", "read"))

ENDPOINTS: list[Endpoint] = [
    MANDATES.lists("/mandates", list_mandates, MandatePage, query=PageQuery),
    MANDATES.creates("/mandates", create_mandate, MandateView, body=MandateCreate, errors=(404, 422), addition=True),
    MANDATES.reads("/mandates/{mandate_id}", retrieve_mandate, MandateView),
    MANDATES.deletes("/mandates/{mandate_id}", delete_mandate, addition=True),
]

REPRESENTATIONS: Mapping[str, Representation] = {"mandate": Representation(event_object("MANDATE"), EventObjectView)}
