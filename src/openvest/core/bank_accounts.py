"""What names a bank account: IBAN and BIC, held in full against the registries, and what of an IBAN may be shown."""

from __future__ import annotations

import re

from schwifty import BIC, IBAN
from schwifty.exceptions import InvalidCountryCode, SchwiftyException

from openvest.core.countries import BIC_COUNTRIES

_IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def valid_iban(value: str) -> str:
    """An IBAN in its electronic form, of any country of the registry, which go up to 34 characters.

    Raises: ValueError where form, country, length or check digits are wrong.
    """
    try:
        if _IBAN.fullmatch(value):
            return str(IBAN(value))
    except SchwiftyException:
        pass
    raise ValueError("is a valid IBAN")


def valid_bic(value: str) -> str:
    """Raises: ValueError where the form or the country is wrong."""
    bic = BIC(value, allow_invalid=True)
    try:
        bic.validate()
    except InvalidCountryCode:
        # The library knows the countries of ISO 3166-1 alone.
        if bic.country_code not in BIC_COUNTRIES:
            raise ValueError("is a valid BIC") from None
    except SchwiftyException:
        raise ValueError("is a valid BIC") from None
    return str(bic)


def masked_iban(iban: str) -> str:
    """As it is shown to whoever has told it: six characters, ten asterisks whatever its length, four characters."""
    return f"{iban[:6]}{'*' * 10}{iban[-4:]}"
