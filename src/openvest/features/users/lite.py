"""Users as lite shows them.

What v1 knows beside (further nationalities, the declaration and the consents, a postal address of its own) is kept as
it is and not shown. (docs/adr/0024)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from openvest.core.lite import EventObjectView, PageQuery, event_object, fields_called, page_lite, page_of
from openvest.core.lite_people import Address, address_lite, address_of
from openvest.core.naming import Names
from openvest.core.schema import Body, Country, Day, Id, Instant, View
from openvest.core.schema_people import Email, FirstName, Name
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.paging import page
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, EventName, Representation
from openvest.features.users import service, store
from openvest.features.users.model import NewUser, User, UserStatus
from openvest.operations import LITE, Operations

Status = Literal["PENDING", "ACTIVE", "BLOCKED", "CLOSED"]
STATUS: Names[UserStatus, Status] = Names(
    UserStatus,
    Status,
    {"INACTIVE": "PENDING", "ACTIVE": "ACTIVE", "OFFBOARDING": "CLOSED", "OFFBOARDED": "CLOSED"},
    decided={"BLOCKED": "instead of PENDING, where `deactivated_at` says that the user was ACTIVE before"},
)
NAMES = (STATUS,)


class UserCreate(Body):
    """A new user."""

    first_name: FirstName = Field(description="All given names.")
    last_name: Name = Field(description="Family name.")
    email: Email = Field(description="E-mail address.")
    date_of_birth: Day = Field(description="Day of birth.")
    nationality: Country = Field(description="Nationality, as an ISO 3166-1 alpha-2 code.")
    address: Address = Field(description="Where the person lives, and where post goes.")


class UserChange(Body):
    """What shall change of a user."""

    first_name: FirstName | None = Field(default=None, description="All given names.")
    last_name: Name | None = Field(default=None, description="Family name.")
    email: Email | None = Field(default=None, description="E-mail address.")
    address: Address | None = Field(default=None, description="Where the person lives.")


class UserView(View):
    """A user."""

    id: Id = Field(description="Id of the user.")
    first_name: FirstName = Field(description="All given names.")
    last_name: Name = Field(description="Family name.")
    email: Email | None = Field(default=None, description="E-mail address.")
    date_of_birth: Day = Field(description="Day of birth.")
    nationality: Country = Field(description="The first nationality, as an ISO 3166-1 alpha-2 code.")
    address: Address = Field(description="Where the person lives.")
    status: Status = Field(
        description="PENDING until everything is known that must be; BLOCKED where that does not hold any more."
    )
    created_at: Instant = Field(description="When the user was made.")
    updated_at: Instant = Field(description="When the user last changed.")


UserPage = page_of(UserView, "users")


def _status(user: Snapshot) -> Status:
    stopped = user["status"] == "INACTIVE" and user.get("deactivated_at") is not None
    return "BLOCKED" if stopped else STATUS[user["status"]]


user_lite = shown(
    UserView,
    User,
    date_of_birth="birth_date",
    nationality=lambda user: user["nationalities"][0],
    address=lambda user: address_lite(user["address"]),
    status=_status,
)


async def list_users(unit: Unit, call: Call) -> Json:
    """List users."""
    return page_lite(await page(unit, store.USERS, call.query.page_request), user_lite)


async def create_user(unit: Unit, call: Call) -> Json:
    """Create a user."""
    body: UserCreate = call.body
    fields = {
        "first_name": body.first_name,
        "last_name": body.last_name,
        "email": body.email,
        "birth_date": body.date_of_birth,
        "nationalities": [body.nationality],
        "address": address_of(body.address),
    }
    with fields_called(birth_date="date_of_birth"):
        user = await service.create_user(unit, NewUser(call.caller.licence, fields))
    return user_lite(snapshot_of(user))


async def retrieve_user(unit: Unit, call: Call) -> Json:
    """Get a user."""
    return user_lite(snapshot_of(await service.get_user(unit, call.path["user_id"])))


async def update_user(unit: Unit, call: Call) -> Json:
    """Change a user's data.

    Done at once: the e-mail address and, under BYOL, everything. Under TOL a name or an address needs proof: the answer
    shows the user as before, and USER.UPDATED tells when it was proved.
    """
    body: UserChange = call.body
    given: dict[str, Any] = body.model_dump(exclude_none=True, exclude={"address"})
    if body.address is not None:
        given["address"] = address_of(body.address)
    return user_lite(snapshot_of(await service.change_user(unit, call.path["user_id"], given)))


USERS = Operations(LITE, "Users", "users")

ENDPOINTS: list[Endpoint] = [
    USERS.lists("/users", list_users, UserPage, query=PageQuery),
    USERS.creates("/users", create_user, UserView, body=UserCreate, errors=(422,)),
    USERS.reads("/users/{user_id}", retrieve_user, UserView),
    USERS.changes("/users/{user_id}", update_user, UserView, body=UserChange, errors=(422,)),
]

REPRESENTATIONS: Mapping[str, Representation] = {"user": Representation(event_object("USER"), EventObjectView)}
TOLD: Mapping[str, EventName] = {
    "USER.DATA_CHANGED": "USER.UPDATED",
    "USER.DEACTIVATED": "USER.BLOCKED",
    "USER.OFFBOARDING_INITIATED": "USER.CLOSED",
}
UNTOLD: Mapping[str, str] = {
    "USER.OFFBOARDED": "a user is CLOSED, and told so, since the offboarding began",
    "USER.DATA_CHANGE_FAILED": "the user stays as it was, and lite has no object for a wish",
}
