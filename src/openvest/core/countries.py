"""Which countries there are: the officially assigned alpha-2 codes of ISO 3166-1, and nothing that only looks like one.

Kosovo has no code there. Banks write it XK, which ISO leaves to its users and SWIFT and the IBAN registry have taken:
it is part of a BIC and of an IBAN, and no country of a person or of an address, whose codes are those of ISO 3166-1.

Source: reference (authentication).
"""

from __future__ import annotations

from pycountry import countries

COUNTRIES = frozenset(str(country.alpha_2) for country in countries)
BIC_COUNTRIES = COUNTRIES | {"XK"}


def known_country(value: str) -> str:
    """Raises: ValueError where no country has this code."""
    if value not in COUNTRIES:
        raise ValueError("is the ISO 3166-1 alpha-2 code of a country")
    return value
