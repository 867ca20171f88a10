"""What the features share of people as lite takes and shows them: addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from openvest.core.schema import Body, Country, Unused
from openvest.core.schema_people import City, Name, Postcode, SecondLine, State
from openvest.core.snapshots import Json

_KEYS: Mapping[str, str] = {
    "street": "address_line1",
    "additional_line": "address_line2",
    "city": "city",
    "postal_code": "postcode",
    "state": "state",
    "country": "country",
}
"""What the domain calls each part of an address."""


class Address(Body):
    """A postal address."""

    street: Name = Field(description="Street and number.")
    additional_line: Annotated[SecondLine | None, Unused] = Field(
        default=None, description="What the first line does not hold."
    )
    city: City = Field(description="Town.")
    postal_code: Postcode = Field(description="Postal code.")
    state: Annotated[State | None, Unused] = Field(default=None, description="State or region.")
    country: Country = Field(description="ISO 3166-1 alpha-2 code.")


def address_of(address: Address) -> dict[str, Any]:
    """The address as the domain keeps it; what is not said is absent."""
    said = {key: getattr(address, name) for name, key in _KEYS.items()}
    return {key: value for key, value in said.items() if value is not None}


def address_lite(address: Mapping[str, Any]) -> Json:
    """An address of the domain as lite shows it."""
    return {name: address[key] for name, key in _KEYS.items() if address.get(key) is not None}
