"""Scopes, and how secrets and tokens are made and compared."""

from __future__ import annotations

import hmac
import secrets as entropy
from collections.abc import Collection, Mapping, Sequence

from openvest.core.problems import Conflict, InvalidRequest, NotFound
from openvest.core.sealing import Secrets

TOKEN_LIFETIME_SECONDS = 1800
SANDBOX_RATE_LIMIT = 300
"""Units: requests per second of one client. Source: protocol.md section 9."""

SCOPES: Mapping[str, str] = {
    "account_liquidations:admin": "Start, read and cancel liquidations of accounts.",
    "account_liquidations:read": "Read liquidations of accounts.",
    "account_returns:read": "Read the returns of accounts.",
    "accounts:admin": "Create, change and close accounts and account groups.",
    "accounts:read": "Read accounts and account groups.",
    "checks:admin": "Create and read checks of users.",
    "checks:read": "Read checks of users.",
    "credit_fundings:read": "Read credit fundings.",
    "fees:admin": "Create and read fee collections and fee models.",
    "fees:read": "Read fee collections and fee models.",
    "files:read": "Read files.",
    "instruments:read": "Read instruments and their venues.",
    "mandates:admin": "Create, read and revoke mandates.",
    "mandates:read": "Read mandates.",
    "orders:admin": "Place, read and cancel orders.",
    "orders:read": "Read orders and executions.",
    "payments:admin": "Create, read and cancel direct debits and withdrawals.",
    "payments:read": "Read direct debits and withdrawals.",
    "portfolios:admin": "Create, read and change portfolio allocations and configurations.",
    "portfolios:read": "Read portfolio allocations and configurations.",
    "positions:read": "Read positions and cash balances.",
    "prices:read": "Read prices of instruments.",
    "reference_accounts:admin": "Create, read and remove reference accounts.",
    "reference_accounts:read": "Read reference accounts.",
    "reports:read": "Read reports.",
    "roles:admin": "Create, read and end roles.",
    "roles:read": "Read roles.",
    "savings_plans:admin": "Create, read, change and cancel savings plans.",
    "savings_plans:read": "Read savings plans.",
    "securities_transfers:admin": "Create, read and decide transfers of securities.",
    "securities_transfers:read": "Read transfers of securities.",
    "taxes:admin": "Set and read tax residencies and exemptions.",
    "taxes:read": "Read tax residencies and exemptions.",
    "tests:admin": "Move the clock, set scenarios and simulate the outside world; sandboxes only.",
    "topups:admin": "Create, read and remove top-ups.",
    "topups:read": "Read top-ups.",
    "transactions:read": "Read cash and securities transactions.",
    "users:admin": "Create, read, change and offboard users.",
    "users:read": "Read users.",
    "valuations:read": "Read valuations of accounts.",
    "virtual_cash_balances:admin": "Increase and decrease virtual cash balances.",
    "webhooks:admin": "Create, read, change and remove webhook subscriptions.",
    "webhooks:read": "Read webhook subscriptions and verification keys.",
}
"""Every scope there is. Source: protocol.md section 11; auth_tokens.md, scopes."""

ALL = "all"
_READ, _ADMIN = ":read", ":admin"


class UnknownScope(InvalidRequest):
    """A client is to get a scope that does not exist."""


class UnusableKey(InvalidRequest):
    """A public key to be registered cannot be used."""


class UnknownClient(NotFound):
    """No client has this id, or it was disabled."""


class ClientNameTaken(Conflict):
    """Another client of the tenant has this name."""


class OtherTenant(Conflict):
    """A tenant of this name exists and was made otherwise than asked now."""


def scopes_of(text: str | Sequence[str]) -> list[str]:
    """The scopes a client is to have, in order and once each; `all` stands for every one.

    Raises: UnknownScope.
    """
    names = text.split() if isinstance(text, str) else list(text)
    if names == [ALL]:
        return list(SCOPES)
    unknown = sorted(set(names) - set(SCOPES))
    if unknown or not names:
        asked = f"There is no scope {', '.join(unknown)}." if unknown else "A client needs at least one scope."
        raise UnknownScope(f"{asked} Known scopes: {' '.join(SCOPES)}, or the word {ALL}.")
    return list(dict.fromkeys(names))


def may_have(wanted: Collection[str], configured: Collection[str]) -> bool:
    """Whether a client may ask for a token with these scopes; an admin scope includes its read scope."""
    own = set(configured)
    own |= {scope.removesuffix(_ADMIN) + _READ for scope in configured if scope.endswith(_ADMIN)}
    return own.issuperset(wanted)


def new_secret() -> str:
    """A client secret. Why: 256 random bits need no slow hash."""
    return entropy.token_urlsafe(32)


def new_token() -> str:
    """An access token: opaque, of characters that a bearer header may hold."""
    return "ov_at_" + entropy.token_urlsafe(32)


def secret_hash(secrets: Secrets, secret: str) -> bytes:
    return secrets.keyed_hash(secret, "client secret")


def token_hash(secrets: Secrets, token: str) -> bytes:
    return secrets.keyed_hash(token, "access token")


def is_secret(secrets: Secrets, secret: str, stored: bytes) -> bool:
    """Compared in a time that does not depend on where they differ."""
    return hmac.compare_digest(secret_hash(secrets, secret), stored)
