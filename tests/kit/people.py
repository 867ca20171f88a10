"""Bodies that a client sends about people, and an onboarded customer made through the program's own services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from openvest import catalog
from openvest.core.clock import parse_instant
from openvest.db.unit import Database, Unit
from openvest.declarations import Sweep
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model import AccountType
from openvest.features.onboarding import service as checks
from openvest.features.onboarding import service_identifiers as identifiers
from openvest.features.onboarding.model import Residency
from openvest.features.users import service as users
from openvest.features.users.model import Licence, NewUser
from openvest.features.users.rules import UNKNOWN_FIELDS
from openvest.main import outside_world
from openvest.work.runner import Runner

ADDRESS: dict[str, Any] = {
    "address_line1": "Hafenstrasse 7",
    "postcode": "24103",
    "city": "Kiel",
    "country": "DE",
}
CONFIRMED_AT = "2026-02-01T09:00:00Z"
TERMS = {"consent_document_id": "d0b83880-3809-4eee-b0df-ca50db84c15a", "confirmed_at": CONFIRMED_AT}
PRIVACY = {"consent_document_id": "7ab0fc5c-8157-4acd-b02d-6ccda0e81dec", "confirmed_at": CONFIRMED_AT}
GERMAN_TAX_NUMBER = "86095742719"

USER: dict[str, Any] = {
    "first_name": "Greta Anna",
    "last_name": "Lindner",
    "email": "greta.lindner@example.org",
    "salutation": "SALUTATION_FEMALE",
    "title": "",
    "birth_date": "1991-03-14",
    "birth_city": "Kiel",
    "birth_country": "DE",
    "nationalities": ["DE"],
    "phone_number": "491701234567",
    "address": ADDRESS,
    "fatca": {"status": False, "confirmed_at": CONFIRMED_AT},
    "terms_and_conditions": TERMS,
    "data_privacy_and_sharing_agreement": PRIVACY,
}
KYC: dict[str, Any] = {
    "type": "KYC",
    "check_confirmed_at": CONFIRMED_AT,
    "data_download_link": "https://documents.example.org/kyc.zip",
    "document_type": "PASSPORT",
    "document_expiration_date": "2030-01-01",
    "nationality": "DE",
    "provider": "An identity provider",
    "method": "VIDEO_ID",
    "confirmed_address": ADDRESS,
}
FIT: dict[str, Any] = {
    "type": "INSTRUMENT_FIT",
    "check_confirmed_at": CONFIRMED_AT,
    "instrument_suitability": {"suitability": True},
}
LITE_ADDRESS = {"street": "Hafenstrasse 7", "postal_code": "24103", "city": "Kiel", "country": "DE"}
LITE_USER: dict[str, Any] = {
    "first_name": "Greta Anna",
    "last_name": "Lindner",
    "email": "greta.lindner@example.org",
    "date_of_birth": "1991-03-14",
    "nationality": "DE",
    "address": LITE_ADDRESS,
}
LITE_KYC = KYC | {"confirmed_address": LITE_ADDRESS}
RESIDENCIES: dict[str, Any] = {"tax_residencies": [{"country": "DE", "tax_identifier_number": GERMAN_TAX_NUMBER}]}


@dataclass(frozen=True, slots=True)
class Customer:
    """An ACTIVE user with an ACTIVE account in an ACTIVE group."""

    user_id: UUID
    group_id: UUID
    account_id: UUID


def customers_runner(database: Database) -> Runner:
    """A runner of the work of users and accounts alone, with the simulated outside."""
    names = {"onboarding.check", "users.review_changes", "accounts.close", "accounts.close_groups"}
    works = [work for work in catalog.WORKS if work.name in names]
    assert {work.name for work in works} == names and any(isinstance(work, Sweep) for work in works)
    return Runner(database, works, outside_world(database, "sandbox"))


async def make_customer(
    database: Database,
    tenant_id: UUID,
    *,
    licence: Licence = "TOL",
    suitable: bool = True,
    account_type: AccountType = "TRADING",
) -> Customer:
    """A customer who is ready to order. The checks are passed by hand, so no worker is needed."""

    async def work(unit: Unit) -> Customer:
        fields = {name: value for name, value in USER.items() if name not in UNKNOWN_FIELDS[licence]}
        fields["birth_date"] = date(1991, 3, 14)
        user = await users.create_user(unit, NewUser(licence, fields))
        for body, passes in ((KYC, True), (FIT, suitable)):
            details = {name: body[name] for name in body if name not in ("type", "check_confirmed_at")}
            check = await checks.create_check(unit, user.id, body["type"], parse_instant(CONFIRMED_AT), details)
            decide = checks.pass_check if passes else checks.fail_check
            await decide(unit, user.id, check.id)
        if licence == "TOL":
            compliance = (await checks.list_checks(unit, user.id, history=False, kind="COMPLIANCE"))[0]
            await checks.pass_check(unit, user.id, compliance.id)
        await identifiers.set_tax_residencies(unit, user.id, (Residency("DE", GERMAN_TAX_NUMBER, None),))
        group = await accounts.create_account_group(unit, user.id, "PERSONAL")
        account = await accounts.create_account(unit, user.id, group.id, account_type)
        return Customer(user.id, group.id, account.id)

    return await database.write(tenant_id, work)
