"""What the client of the demo sends about its customer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

WORLD = "IE00B4L5Y983"
"""An ETF on the MSCI World."""
FUND, FUND_OFFER = "IE00B3XXRP09", Decimal("115.05")
"""An ETF on the S&P 500 whose price in a sandbox is fixed: offer 115.05, bid 113.03."""
SHARE = "DE0007164600"
"""A share that trades in whole units."""

CONFIRMED_AT = "2026-03-01T10:00:00Z"

_ADDRESS: dict[str, Any] = {
    "address_line1": "Am Stadtpark 4",
    "postcode": "20095",
    "city": "Hamburg",
    "country": "DE",
}
_CONSENT = {"consent_document_id": "5f0c7bd3-6a52-4d4e-9f0b-2f0f2e3b7a10", "confirmed_at": CONFIRMED_AT}

USER: dict[str, Any] = {
    "first_name": "Paula",
    "last_name": "Muster",
    "email": "paula.muster@example.org",
    "salutation": "SALUTATION_FEMALE",
    "birth_date": "1990-11-05",
    "birth_city": "Hamburg",
    "birth_country": "DE",
    "nationalities": ["DE"],
    "phone_number": "4940123456",
    "address": _ADDRESS,
    "fatca": {"status": False, "confirmed_at": CONFIRMED_AT},
    "terms_and_conditions": _CONSENT,
    "data_privacy_and_sharing_agreement": _CONSENT,
}
KYC: dict[str, Any] = {
    "type": "KYC",
    "check_confirmed_at": CONFIRMED_AT,
    "data_download_link": "https://documents.example.org/kyc.zip",
    "document_type": "PASSPORT",
    "document_expiration_date": "2033-06-30",
    "nationality": "DE",
    "provider": "Example identity provider",
    "method": "VIDEO_ID",
    "confirmed_address": _ADDRESS,
}
FIT: dict[str, Any] = {
    "type": "INSTRUMENT_FIT",
    "check_confirmed_at": CONFIRMED_AT,
    "instrument_suitability": {"suitability": True},
}
RESIDENCIES: dict[str, Any] = {"tax_residencies": [{"country": "DE", "tax_identifier_number": "86095742719"}]}
DEPOSIT: dict[str, Any] = {
    "amount": "500.00",
    "currency": "EUR",
    "client_reference": "salary",
    "counterparty_name": "Paula Muster",
    "counterparty_account": {"iban": "DE02100100109307118603"},
}
"""What the simulated bank is told to let arrive."""
REFERENCE_ACCOUNT: dict[str, Any] = {
    "account_owner": "Paula Muster",
    "iban": "DE02100100109307118603",
    "bic": "PBNKDEFF",
    "confirmed_at": CONFIRMED_AT,
}
