"""Users and data change requests as v1 shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Country, Day, Id, Instant, Unused, ValidationContext, View
from openvest.core.schema_people import Address, City, Email, FirstName, Link, Name, ProofOfResidence
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_value
from openvest.core.v1 import ByTimesQuery, page_of, page_v1
from openvest.db.paging import page
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.users import rules, rules_changes, service, store
from openvest.features.users.model import NewUser, User
from openvest.features.users.rules_changes import EVIDENCE
from openvest.operations import V1, Operations

PhoneNumber = Annotated[str, Field(pattern="^([0-9]{8,15})?$")]
Salutation = Literal[
    "", "SALUTATION_MALE", "SALUTATION_FEMALE", "SALUTATION_FEMALE_MARRIED", "SALUTATION_DIVERSE"
]  # fmt: skip
Title = Literal["", "DR", "PROF", "PROF_DR", "DIPL_ING", "MAGISTER"]
Gender = Literal["", "MALE", "FEMALE", "DIVERSE"]
SocialSecurityNumber = Annotated[
    str, Field(pattern=r"^([0-9]{2}(0[1-9]|[12][0-9]|3[01])(0[1-9]|1[0-2])[0-9]{2}[A-Z][0-9]{3})?$")
]  # fmt: skip


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("has no entry twice")
    return values


Nationalities = Annotated[list[Country], Field(min_length=1), AfterValidator(_distinct)]
Tags = Annotated[list[Literal["CLIENT_EMPLOYEE"]], AfterValidator(_distinct)]


class Fatca(Body):
    """The declaration under FATCA."""

    status: bool = Field(description="Whether the person is a US person under FATCA.")
    confirmed_at: Instant = Field(description="When the person declared it.")


class Consent(Body):
    """A document the person agreed to."""

    consent_document_id: Id = Field(description="The version of the document.")
    confirmed_at: Instant = Field(description="When the person agreed.")


class UserFields(Body):
    """What a client says of a user."""

    first_name: FirstName = Field(description="All given names.")
    last_name: Name = Field(description="Family name.")
    email: Annotated[Email | None, Unused] = Field(default=None, description="Required under TOL.")
    salutation: Salutation = Field(default="", description="Form of address.")
    title: Title = Field(default="", description="Academic title.")
    birth_date: Day = Field(description="Day of birth.")
    birth_city: Annotated[City | None, Unused] = Field(default=None, description="Place of birth.")
    birth_country: Annotated[Country | None, Unused] = Field(default=None, description="Country of birth.")
    birth_name: Annotated[Name | None, Unused] = Field(default=None, description="Family name at birth.")
    nationalities: Nationalities = Field(description="All nationalities.")
    phone_number: Annotated[PhoneNumber | None, Unused] = Field(
        default=None, description="Digits only; not under BYOL."
    )
    address: Address = Field(description="Where the person lives.")
    postal_address: Address | None = Field(default=None, description="Where post goes; the address where absent.")
    fatca: Fatca | None = Field(default=None, description="Required under TOL; not under BYOL.")
    terms_and_conditions: Consent | None = Field(default=None, description="Required under TOL.")
    data_privacy_and_sharing_agreement: Consent | None = Field(default=None, description="Required under TOL.")
    branch_id: Annotated[Id | None, Unused] = Field(default=None, description="A branch of the tenant.")
    gender: Annotated[Gender | None, Unused] = Field(default=None, description="For pension reporting.")
    social_security_number: Annotated[SocialSecurityNumber | None, Unused] = Field(
        default=None, description="For pension reporting; in no event."
    )
    tags: Tags | None = Field(default=None, description="Marks of the user.")


def _by_licence(schema: dict[str, Any]) -> None:
    """Describe both licence models: what is required differs, and what is known."""
    shape = {**schema}
    schema.clear()
    schema["description"] = shape.pop("description")
    schema["title"] = shape.pop("title")
    schema["anyOf"] = [
        {
            **shape,
            "title": f"User under {licence}",
            "properties": {n: p for n, p in shape["properties"].items() if n not in rules.UNKNOWN_FIELDS[licence]},
            "required": [*shape["required"], *fields],
        }
        for licence, fields in rules.REQUIRED_FIELDS.items()
    ]


class UserCreate(UserFields):
    """A new user. The tenant's licence model decides which of the two forms counts."""

    model_config = ConfigDict(json_schema_extra=_by_licence)

    @classmethod
    def field_errors_in(cls, context: ValidationContext, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        return rules.field_errors(context.licence, dict(body))


class UserView(UserFields):
    """A user."""

    id: Id = Field(description="Id of the user.")
    created_at: Instant = Field(description="When the user was made.")
    updated_at: Instant = Field(description="When the user last changed.")
    decease_date: Day | None = Field(default=None, description="Day of death.")
    status: Literal["ACTIVE", "INACTIVE", "OFFBOARDING", "OFFBOARDED"] = Field(description="State of the user.")


UserPage = page_of(UserView, "users")


class UserChange(Body):
    """What shall change. Which fields go together, and which need evidence, depends on the licence model."""

    first_name: FirstName | None = Field(default=None, description="All given names.")
    last_name: Name | None = Field(default=None, description="Family name.")
    email: Annotated[Email | None, Unused] = Field(default=None, description="E-mail address.")
    salutation: Salutation | None = Field(default=None, description="Form of address.")
    title: Title | None = Field(default=None, description="Academic title.")
    birth_date: Day | None = Field(default=None, description="Day of birth.")
    birth_city: Annotated[City | None, Unused] = Field(default=None, description="Place of birth.")
    birth_country: Annotated[Country | None, Unused] = Field(default=None, description="Country of birth.")
    birth_name: Annotated[Name | None, Unused] = Field(default=None, description="Family name at birth.")
    nationalities: Nationalities | None = Field(default=None, description="All nationalities.")
    phone_number: Annotated[PhoneNumber | None, Unused] = Field(default=None, description="Digits only.")
    address: Address | None = Field(default=None, description="Where the person lives.")
    postal_address: Address | None = Field(default=None, description="Where post goes; null: to the address.")
    branch_id: Annotated[Id | None, Unused] = Field(default=None, description="A branch of the tenant.")
    tags: Tags | None = Field(default=None, description="Replaces all marks; an empty list clears them.")
    issuance_date: Day | None = Field(default=None, description="When the proof was issued.")
    data_download_link: Link | None = Field(default=None, description="Where the proof can be fetched.")
    document_type: ProofOfResidence | Literal["PASSPORT"] | None = Field(default=None, description="Kind of proof.")

    @classmethod
    def field_errors_in(cls, context: ValidationContext, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        given = {
            name: value for name, value in body if value is not None or name in unfit or _is_taken_back(body, name)
        }
        evidence = {name: given.pop(name) for name in EVIDENCE if name in given}
        return rules_changes.field_errors(context.licence, given, evidence)


def _is_taken_back(body: Any, name: str) -> bool:
    """Null says something of its own for the postal address alone: it goes to the address again."""
    return name == "postal_address" and name in body.model_fields_set and body.postal_address is None


class UserChangeFailedView(View):
    """A data change that was refused."""

    user_id: Id = Field(description="The user it was about.")
    reason: Annotated[str, Field(max_length=100)] = Field(description="Why it was refused.")


user_v1 = shown(
    UserView,
    User,
    social_security_number=lambda user: None,  # in no snapshot
    tags=lambda user: user["tags"] or None,
)


def change_failed_v1(change: Snapshot) -> Json:
    return {"user_id": change["user_id"], "reason": change["reason"]}


async def _with_number(unit: Unit, user: User) -> Json:
    """A user with the sealed number, which no snapshot has."""
    answer, numbers = user_v1(user), await service.social_security_numbers(unit, [user.id])
    return answer | {"social_security_number": numbers[user.id]} if user.id in numbers else answer


async def list_users(unit: Unit, call: Call) -> Json:
    """List users."""
    found = await page(unit, store.USERS, call.query.page_request)
    answer = page_v1(found, user_v1)
    for item, user in zip(answer["data"], found.rows, strict=True):
        if user.sealed_social_security_number is not None:
            number = service.opened_number(unit, user.id, user.sealed_social_security_number)
            item["social_security_number"] = number
    return answer


async def create_user(unit: Unit, call: Call) -> Json:
    """Create a user."""
    body: UserCreate = call.body
    given = snapshot_value(
        body.model_dump(exclude_none=True, exclude={"social_security_number", "birth_date", "branch_id"})
    )
    fields = {**given, "birth_date": body.birth_date, "branch_id": body.branch_id}
    user = await service.create_user(unit, NewUser(call.caller.licence, fields, body.social_security_number))
    return await _with_number(unit, user)


async def retrieve_user(unit: Unit, call: Call) -> Json:
    """Get a user."""
    user = await service.get_user(unit, call.path["user_id"])
    return await _with_number(unit, user)


async def offboard_user(unit: Unit, call: Call) -> Json:
    """Start the offboarding of a user."""
    await service.offboard_user(unit, call.path["user_id"])


async def user_data_change(unit: Unit, call: Call) -> Json:
    """Ask for a change of a user's data."""
    body: UserChange = call.body
    given = snapshot_value(body.model_dump(exclude_none=True))
    if _is_taken_back(body, "postal_address"):
        given["postal_address"] = None
    evidence = {name: given.pop(name) for name in EVIDENCE if name in given}
    await service.request_data_change(unit, call.path["user_id"], given, evidence or None)


USERS = Operations(V1, "Users", "users")

ENDPOINTS: list[Endpoint] = [
    USERS.lists("/users", list_users, UserPage, query=ByTimesQuery),
    USERS.creates("/users", create_user, UserView, body=UserCreate),
    USERS.reads("/users/{user_id}", retrieve_user, UserView),
    USERS.deletes("/users/{user_id}", offboard_user, status=202),
    USERS.creates(
        "/users/{user_id}/data_change_requests", user_data_change, body=UserChange, status=202, key_required=False,
        errors=(422,),
    ),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "user": Representation(user_v1, UserView),
    "user data change": Representation(change_failed_v1, UserChangeFailedView),
}
