"""Scopes, and how secrets and tokens are made and compared."""

from __future__ import annotations

import hmac
import secrets as entropy
from collections.abc import Collection, Sequence
from datetime import datetime

from openvest.core.clock import instant
from openvest.core.problems import Conflict, Forbidden, InvalidRequest, NotFound
from openvest.core.sealing import Secrets
from openvest.core.trading_calendar import OutsideCalendar, is_covered
from openvest.features.tenants.model import SCOPES

TOKEN_LIFETIME_SECONDS = 1800
SANDBOX_RATE_LIMIT = 300
"""Units: requests per second of one client. Source: reference (protocol)."""

LONGEST_NAME = 100
ALL = "all"
_READ, _ADMIN = ":read", ":admin"


class UnknownScope(InvalidRequest):
    """A client is to get a scope that does not exist."""


class ScopeNotGranted(Forbidden):
    """A client that proved itself asks for a scope that it is not configured for."""

    def __init__(self) -> None:
        super().__init__("The client is not configured for all of these scopes.")


class UnusableKey(InvalidRequest):
    """A public key to be registered cannot be used."""


class UnknownClient(NotFound):
    """No client has this id, or it was disabled."""


class ClientNameTaken(Conflict):
    """Another client of the tenant has this name."""


class UnusableName(InvalidRequest):
    """A tenant is to get a name that is none."""


def check_name(name: str) -> None:
    """Raises: UnusableName."""
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise UnusableName(
            f"The name of a tenant has 1 to {LONGEST_NAME} characters that can be read, and not only spaces."
        )


def check_frozen_at(at: datetime | None) -> None:
    """Raises: OutsideCalendar, since such a tenant could neither trade nor move its clock."""
    if at is not None and not is_covered(at.date()):
        raise OutsideCalendar(f"The instant {instant(at)} to freeze the clock at")


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
