"""Sealed fields and keyed hashes: the two uses of the master key.

Tax and national identifiers, IBANs and our own signing keys stand in the database only sealed (AES-256-GCM, the key's
id in front, the place of the value as associated data, so that a sealed value moved elsewhere does not open). Client
secrets and tokens stand there only as keyed hashes.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 4


class SealBroken(Exception):
    """A sealed value does not open: another master key, another place, or changed bytes."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that holds values only sealed. Shape: `named` is the place of a value, with columns of its row in
    braces; `is_text`: it is stored in base64."""

    table: str
    column: str
    named: str
    is_text: bool = False

    def place(self, **row: object) -> str:
        """Where the value of this row stands, for sealing and opening it."""
        return self.named.format(**row)


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, None, purpose.encode()).derive(master)


def new_master_key() -> str:
    """A fresh master key as hex text."""
    return secrets.token_hex(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is derived from one master key. Shape: `master` is 32 bytes."""

    master: bytes = field(repr=False)
    _key_id: bytes = field(init=False, repr=False)
    _cipher: AESGCM = field(init=False, repr=False)
    _pepper: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.master) != KEY_BYTES:
            raise ValueError(f"the master key has {KEY_BYTES} bytes, as {2 * KEY_BYTES} hexadecimal digits")
        object.__setattr__(self, "_key_id", _derive(self.master, "openvest key id")[:_ID_BYTES])
        object.__setattr__(self, "_cipher", AESGCM(_derive(self.master, "openvest sealing")))
        object.__setattr__(self, "_pepper", _derive(self.master, "openvest pepper"))

    @classmethod
    def from_hex(cls, text: str) -> Secrets:
        """Raises: ValueError where the text is not 64 hexadecimal digits."""
        return cls(bytes.fromhex(text.strip()))

    @property
    def key_id(self) -> str:
        """Which master key this is, as it stands in front of all it sealed; says nothing of the key itself."""
        return self._key_id.hex()

    def seal(self, value: bytes, place: str) -> bytes:
        """`place` names table, column and row; the same text is needed to open."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._key_id + nonce + self._cipher.encrypt(nonce, value, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises: SealBroken."""
        if sealed[:_ID_BYTES] != self._key_id:
            raise SealBroken("sealed with another master key")
        start = _ID_BYTES + _NONCE_BYTES
        try:
            return self._cipher.decrypt(sealed[_ID_BYTES:start], sealed[start:], place.encode())
        except InvalidTag as error:
            raise SealBroken("the sealed value does not belong here or was changed") from error

    def keyed_hash(self, value: str, purpose: str) -> bytes:
        """HMAC-SHA-256 under the pepper: for secrets, tokens and equality of sealed fields."""
        return hmac.digest(self._pepper, f"{purpose}\x1f{value}".encode(), "sha256")
